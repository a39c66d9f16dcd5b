"""The image of one file (scripts/package/Containerfile), built and run by a real dockerd, before which it
then stands. Only with --static."""

import os

from clients import User
from dockerd import Dockerd
from images import write_context
from scenario import claim
from waiting import check, until

RECIPE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/package/Containerfile")


@claim(static_only=True, proxied_only=True, slow=True)
def the_image_of_one_file_serves_from_a_root_that_cannot_be_written(t):
    # What is asked past the proxy is not on record: a daemon whose requests nobody counts.
    daemon = t.closing(Dockerd(t.world.daemon_directory()))
    daemon.add_base_image()
    host = User(t.cli, daemon.upstream, t.path("host"))
    with open(RECIPE) as recipe, open(t.world.binary, "rb") as program:
        context = write_context(t.path("context"), recipe.read(), [("becaused-static", program.read())])
    os.chmod(os.path.join(context, "becaused-static"), 0o755)
    host.run("build", "-t", "becaused", context, DOCKER_BUILDKIT="0").ok()
    layers = daemon.api_json("GET", "/images/becaused/json")["RootFS"]["Layers"]
    check(len(layers) == 1, f"more than one file's layer: {layers}")

    shared = t.path("out")
    os.makedirs(shared)
    os.chmod(shared, 0o777)
    group = os.stat(daemon.socket_path).st_gid
    host.run("run", "-d", "--name", "proxy", "--network", "none", "--read-only", "--cap-drop", "ALL",
             "--security-opt", "no-new-privileges", "--user", f"65534:{group}",
             "--tmpfs", "/run/becaused:mode=1777", "-v", f"{daemon.socket_path}:/run/docker.sock",
             "-v", f"{shared}:/out", "becaused", "run", "--listen", "unix:///out/s?mode=0666",
             "--upstream", "unix:///run/docker.sock", "--records", "-", "--profile", "any").ok()
    until("the container to be ready", 20, lambda: "ready on" in host.run("logs", "proxy").text())

    guest = User(t.cli, f"unix://{shared}/s", t.path("guest"))
    guest.run("version").ok()
    guest.run("ps").ok().says("proxy")
    guest.run("run", "--rm", "--network", "none", "base", "echo", "through the container").ok() \
        .says("through the container")
    host.run("stop", "-t", "20", "proxy").ok()
    check(daemon.container("proxy")["State"]["ExitCode"] == 0, "it did not end well")
    said = host.run("logs", "proxy").ok()
    said.says('"target":"[^"]*/containers/json').says('"reason":"tunnel_complete"').says("0 lost")
    check("warning" not in said.text() and "state:" not in said.text(), said.text())
