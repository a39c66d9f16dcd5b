"""Short commands: what a client asks and gets in one exchange or a few."""

import os

from records import by_client
from registry import Registry
from scenario import claim
from waiting import check

# Enough registries for a head of 16.4 KB: the client sends all of them, encoded, in one field.
EIGHTY_REGISTRIES = {
    "auths": {f"registry-{number:02d}.example.test": {"auth": "dXNlcjpwYXNzd29yZC0" + "eHh4" * 29}
              for number in range(80)}}


@claim(over=("plain", "tls"), profile="run_sandboxed")
def version_info_and_ps_show_what_dockerd_says(t):
    front = t.front(t.shared)
    user = t.user(front)
    truth = t.shared.api_json("GET", "/version")
    shown = user.run("version", "--format", "{{.Server.Version}} {{.Server.APIVersion}}").ok()
    check(shown.out.decode().split() == [truth["Version"], truth["ApiVersion"]], str(shown))
    identity = t.shared.api_json("GET", "/info")["ID"]
    shown = user.run("info", "--format", "{{.ID}}").ok()
    check(shown.out.decode().strip() == identity, str(shown))
    made = t.shared.api_json("POST", f"/containers/create?name={t.tag}",
                             {"Image": "base", "Cmd": ["true"]})
    shown = user.run("ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Names}}").ok()
    check(f"{made['Id']} {t.tag}" in shown.out.decode(), str(shown))
    if t.proxied:
        front.until_exchange("GET", r"/containers/json$", status=200, reason="complete")
        ping = front.until_exchange("HEAD", r"/_ping$", status=200)
        check(ping["bytes"]["client_in"] > 0 and ping["bytes"]["client_out"] > 0, str(ping))


@claim(profile="run_sandboxed")
def a_command_uses_few_connections_and_each_ends_clean(t):
    front = t.front(t.shared)
    t.user(front).run("ps").ok()
    front.finish()
    if t.proxied:
        client = [each for each in front.records()
                  if each["event"] == "connection" and each["side"] == "client"]
        check(1 <= len(client) <= 3, f"{len(client)} client connections for one command")
        for each in client:
            check(each["reason"] in ("client_closed_idle", "probe"), str(each))


@claim(over=("plain", "tls"), profile="run_sandboxed")
def two_workers_look_like_one(t):
    front = t.front(t.shared, options=["--workers", "2"])
    user = t.user(front)
    # A client that is quick to fail or to see the end leaves before it hears of the container's end.
    front.tolerate(**by_client("POST", r"/containers/[^/]+/wait$", "response_body"))
    for number in range(4):
        word = f"{t.tag}-{number}"
        shown = user.run("run", "--rm", "--network", "none", "base", "echo", word).ok()
        check(shown.out.decode().strip() == word, str(shown))
        user.run("ps", "-a").ok()
    front.finish()
    if t.proxied:
        lives = {each["id"].split("-")[0] for each in front.records()}
        check(len(lives) == 2, f"one of the two served all: {lives}")


@claim()
def a_refused_login_shows_the_registrys_answer(t):
    registry = t.closing(Registry(t.path("registry"), password_file=True))
    front = t.front(t.shared)
    shown = t.user(front).run("login", "-u", "nobody", "-p", "wrong",
                              f"127.0.0.1:{registry.port}", seconds=30).failed()
    shown.says(r"(?i)unauthorized")
    if t.proxied:
        refused = front.until_exchange("POST", r"/auth$", reason="complete")
        check(refused["status"] >= 400 and refused["by"] == "nobody",
              f"dockerd's refusal is its answer, not a fault: {refused}")


@claim()
def a_head_with_eighty_registries_passes(t):
    front = t.front(t.shared)
    user = t.user(front)
    user.configure(EIGHTY_REGISTRIES)
    os.makedirs(t.path("context"))
    with open(t.path("context", "Dockerfile"), "w") as out:
        out.write(f"FROM base\nENV MARK={t.tag}\n")
    # The classic builder sends them all; BuildKit asks for one when it needs it.
    user.run("build", "-t", t.tag, t.path("context"), seconds=90, DOCKER_BUILDKIT="0").ok()
    if t.proxied:
        built = front.until_exchange("POST", r"/build$", status=200, reason="complete")
        check(built["bytes"]["client_in"] > 16000, f"the head was not that large: {built['bytes']}")


@claim(over=("plain", "tls"), profile="keeper")
def cp_both_ways_keeps_every_byte_and_odd_names(t):
    front = t.front(t.shared)
    user = t.user(front)
    user.run("create", "--name", t.tag, "--network", "none", "base", "true").ok()
    name = "ü b%2Fc #1?.bin"
    content = os.urandom(3_000_000)
    os.makedirs(t.path("there"))
    with open(t.path("there", name), "wb") as out:
        out.write(content)
    user.run("cp", t.path("there"), f"{t.tag}:/odd dir%2E").ok()
    # The client leaves when it has seen the archive's end, which may be before the body's.
    front.tolerate(**by_client("GET", r"/archive$", "response_body"))
    front.tolerate_connections("client_reset")
    user.run("cp", f"{t.tag}:/odd dir%2E/{name}", t.path("back")).ok()
    with open(t.path("back"), "rb") as back:
        check(back.read() == content, "the file came back changed")
    shown = user.run("cp", f"{t.tag}:/nowhere/at all", t.path("none")).failed()
    shown.says("(?i)no such|could not find")
    if t.proxied:
        up = front.until_exchange("PUT", r"/archive$", status=200)
        check(up["bytes"]["client_in"] >= len(content), str(up["bytes"]))
        front.until_exchange("HEAD", r"/archive$", reason="complete")
        front.until_exchange("GET", r"/archive$", status=200)


@claim(over=("plain", "tls"), profile="run_sandboxed")
def an_error_of_dockerd_reaches_the_terminal(t):
    front = t.front(t.shared)
    t.user(front).run("inspect", "--type", "container", "no-such-thing").exits(1).says(
        "(?i)no such container")
    # A client that was quick to fail leaves before it hears of the container's end.
    front.tolerate(**by_client("POST", r"/containers/[^/]+/wait$", "response_body"))
    t.user(front).run("run", "--rm", "--network", "none", "base", "no-such-program").exits(127)
