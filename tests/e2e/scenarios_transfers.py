"""Images: pushed, pulled, saved and loaded; large, slow, and silent on the way."""

import json
import os
import re
import subprocess
import threading

from images import MIB, random_context, write_random_file
from registry import Registry, Relay
from scenario import claim
from waiting import check

IMAGE_MB = 300
SILENCE_S = 22
GAPS_AT_MB = (100, 200)
RATE = 13 * MIB


def digest_in(text):
    found = re.search(r"digest: (sha256:[0-9a-f]{64})", text)
    check(found, f"no digest in:\n{text[-500:]}")
    return found.group(1)


def silent_gaps(relay, client):
    """Lets the push through, but for two silences of over 20 s."""
    relay.hold_at(*(megabytes * MIB for megabytes in GAPS_AT_MB))
    for _ in GAPS_AT_MB:
        relay.until_held(120)
        client.stays_alive_for(SILENCE_S)
        relay.release()


@claim(slow=True, profile="keeper")
def a_300_mb_image_is_built_pushed_for_over_a_minute_pulled_saved_and_loaded(t):
    builder, other = t.dockerd(base=False), t.dockerd(base=False)
    registry, relay = t.slow_registry(RATE)
    front, other_front = t.front(builder), t.front(other)
    user, other_user = t.user(front), t.user(other_front)

    context = t.path("context")
    os.makedirs(context)
    write_random_file(os.path.join(context, "noise"), IMAGE_MB)
    with open(os.path.join(context, "Dockerfile"), "w") as out:
        out.write("FROM scratch\nCOPY noise /noise\n")
    image = f"{relay.address}/big:latest"
    user.run("build", "-q", "-t", image, context, seconds=180, DOCKER_BUILDKIT="0").ok()
    os.remove(os.path.join(context, "noise"))
    identity = builder.image_id(image)

    client = t.started(user.start("push", image))
    silent_gaps(relay, client)
    pushed = client.finish(200).ok()
    check(pushed.seconds > 60, f"the push lasted only {pushed.seconds:.0f} s: not slow enough")
    check(relay.uploaded > IMAGE_MB * MIB, f"{relay.uploaded} bytes came through the relay")
    digest = digest_in(pushed.text())

    relay.speed_up()
    pulled = other_user.run("pull", image, seconds=180).ok()
    check(digest in pulled.text(), f"another digest: {digest} and {pulled}")
    check(other.image_id(image) == identity, "the pulled image is another one")

    # save | load, each through becaused, into a daemon that no longer has it.
    other_user.run("rmi", image).ok()
    save = subprocess.Popen(user.command(["save", image]), env=user.environment(),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, start_new_session=True)
    watchdog = threading.Timer(200, save.kill)
    watchdog.start()
    try:
        load = other_user.start("load", "-q", stdin=save.stdout)
        t.started(load)
        save.stdout.close()
        loaded = load.finish(200).ok()
        code = save.wait(10)
    finally:
        watchdog.cancel()
        if save.poll() is None:
            save.kill()
    check(code == 0, f"save ended with {code}: {save.stderr.read()!r}")
    loaded.says("Loaded image")
    check(other.image_id(image) == identity, "the loaded image is another one")
    if t.proxied:
        check_records_of_the_big_image(front, other_front)


def check_records_of_the_big_image(front, other_front):
    whole = IMAGE_MB * MIB
    built = front.until_exchange("POST", r"/build$", reason="complete", status=200)
    check(built["bytes"]["client_in"] > whole and built["bytes"]["upstream_out"] > whole,
          str(built["bytes"]))
    pushed = front.until_exchange("POST", r"/images/.*/push$", reason="complete", status=200)
    check(sum(pushed["ms"].values()) > 60_000, f"push lasted {pushed['ms']}")
    saved = front.until_exchange("GET", r"/images/.*get$", reason="complete", status=200)
    check(saved["bytes"]["upstream_in"] > whole and saved["bytes"]["client_out"] > whole,
          str(saved["bytes"]))
    other_front.until_exchange("POST", r"/images/create$", reason="complete", status=200)
    loaded = other_front.until_exchange("POST", r"/images/load$", reason="complete", status=200)
    check(loaded["bytes"]["client_in"] > whole, str(loaded["bytes"]))


@claim(over=("plain", "tls"), profile="keeper")
def a_push_and_a_pull_are_whole_and_clean(t):
    registry = t.closing(Registry(t.path("registry")))
    relay = t.closing(Relay(registry.port, 1 << 40))
    image = f"{relay.address}/small:latest"
    t.shared.build(image, random_context(8))
    identity = t.shared.image_id(image)
    front = t.front(t.shared)
    user = t.user(front)
    digest = digest_in(user.run("push", image).ok().text())
    user.run("rmi", image).ok()
    user.run("pull", image).ok().says(digest)
    check(t.shared.image_id(image) == identity, "the pulled image is another one")
    user.run("rmi", image).ok()
    if t.proxied:
        front.until_exchange("POST", r"/push$", reason="complete", status=200)
        front.until_exchange("POST", r"/images/create$", reason="complete", status=200)


@claim()
def a_pull_of_what_does_not_exist_shows_the_registrys_answer(t):
    registry = t.closing(Registry(t.path("registry")))
    front = t.front(t.shared)
    t.user(front).run("pull", f"127.0.0.1:{registry.port}/nothing:here").failed().says(
        "(?i)not found|manifest unknown")
    if t.proxied:
        front.until_exchange("POST", r"/images/create$", reason="complete")


@claim(profile="keeper")
def save_is_a_whole_archive_and_loads_again(t):
    front = t.front(t.shared)
    user = t.user(front)
    name = f"{t.tag.lower()}:1"
    t.shared.build(name, random_context(6))
    identity = t.shared.image_id(name)
    user.run("save", "-o", t.path("image.tar"), name).ok()
    user.run("rmi", name).ok()
    user.run("load", "-i", t.path("image.tar")).ok().says("Loaded image: " + re.escape(name))
    check(t.shared.image_id(name) == identity, "the loaded image is another one")
    listed = user.run("image", "inspect", name).ok()
    check(json.loads(listed.out)[0]["Id"] == identity, str(listed))
    user.run("rmi", name).ok()
