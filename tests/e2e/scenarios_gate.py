"""Who comes in and what may pass, as people with stock tools meet it."""

import io
import json
import os
import subprocess
import tarfile

import h2
from images import add_bytes, write_context
from processes import clean_environment
from raw_http import RawClient
from records import by_client
from scenario import claim
from waiting import check


def curl(front, t, *arguments, path="/version"):
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--max-time", "20", "--include", "--cacert", t.pki.ca,
         *arguments, f"https://127.0.0.1:{front.port}{path}"],
        env=clean_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, timeout=30)
    check(done.returncode == 0, lambda: f"curl {arguments}: {done}")
    return done.stdout.decode()


def refused(reason, path, method="GET"):
    return {"method": method, "path": path, "reason": reason, "by": "gate", "phase": "gate",
            "cls": "refused"}


@claim(clients="none", proxied_only=True, over=("guarded",))
def each_kind_of_credentials_lets_curl_in_and_is_named_in_the_record(t):
    guard = t.world.guard
    for kind, name, proof in (("certificate", "certified", "certificate"),
                              ("signed token", "ci", "token"),
                              ("static token", "runner", "static_token"),
                              ("password", "alice", "password")):
        front = t.front(t.shared)
        field = guard.field(kind)
        shown = curl(front, t, *(["--header", "Authorization: " + field] if field else
                                 ["--cert", t.pki.client, "--key", t.pki.client_key]))
        check(shown.startswith("HTTP/1.1 200"), f"{kind}: {shown}")
        record = front.until_exchange("GET", "/version", reason="complete")
        check((record["identity"], record["proof"]) == (name, proof), str(record))
        front.finish()


@claim(clients="none", proxied_only=True, over=("guarded",))
def openssl_with_a_certificate_is_served(t):
    front = t.front(t.shared)
    done = subprocess.run(
        ["openssl", "s_client", "-quiet", "-verify_quiet", "-verify_return_error", "-CAfile",
         t.pki.ca, "-cert", t.pki.client, "-key", t.pki.client_key,
         "-connect", f"127.0.0.1:{front.port}"],
        input=b"GET /version HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n",
        env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20)
    check(done.stdout.startswith(b"HTTP/1.1 200 OK\r\n") and b'"ApiVersion"' in done.stdout,
          str(done))


@claim(clients="none", proxied_only=True, over=("guarded",))
def whoever_shows_nothing_gets_401_and_a_wrong_token_too(t):
    front = t.front(t.shared)
    front.expect_end(**refused("auth_missing", r"^/version$"))
    shown = curl(front, t)
    check(shown.startswith("HTTP/1.1 401") and "WWW-Authenticate: Bearer realm=" in shown and
          "No credentials were sent" in shown, shown)
    front.expect_end(**refused("auth_invalid", r"^/info$"))
    shown = curl(front, t, "--header", "Authorization: Bearer x" + "y" * 40, path="/info")
    check(shown.startswith("HTTP/1.1 401"), shown)


@claim(proxied_only=True, over=("guarded",))
def a_client_without_credentials_is_told_so_and_never_asked_for_a_login(t):
    front = t.front(t.shared)
    user = t.user(front)
    user.pki = NobodysBadge(t.world.guard)
    user.configure({})
    for method in ("HEAD", "GET", "POST"):
        front.tolerate(**refused("auth_missing", "", method=method))
    user.run("version", "--format", "{{.Server.Version}}", seconds=30).failed().says(
        "No credentials were sent")
    shown = user.run("push", "127.0.0.1:1/none", seconds=30).failed()
    check(b"sername" not in shown.out + shown.err, f"a login prompt: {shown}")


class NobodysBadge:
    headers = {}

    def __init__(self, guard):
        self.guard = guard

    def environment(self):
        return {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": self.guard.authority_only}


@claim(proxied_only=True, over=("guarded",), profile="run_sandboxed")
def a_denied_run_names_its_rule_on_the_terminal_and_in_why(t):
    front = t.front(t.shared)
    user = t.user(front)
    front.expect_end(**refused("policy_denied", r"/containers/create", method="POST"))
    shown = user.run("run", "--rm", "--privileged", "--network", "none", "base", "true",
                     seconds=30).exits(125)
    shown.says("privileged containers", "not allowed by profile run_sandboxed")
    front.until_exchange("POST", r"/containers/create", reason="policy_denied")
    said = front.why()
    check("privileged containers" in said and "policy_denied" in said, said)
    user.run("run", "--rm", "--network", "none", "base", "true").ok()


@claim(proxied_only=True, over=("guarded",), clients="none")
def the_rules_are_read_again_on_sighup_and_bad_ones_are_not_taken(t):
    import signal
    guard = t.world.guard
    own = t.path("access.toml")
    with open(own, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
        out.write('[stranger]\nname = "anyone"\n')
    t.options = [own if each == guard.access else each for each in t.options]
    front = t.front(t.shared)
    check(curl(front, t).startswith("HTTP/1.1 200"), "a stranger is let in")
    front.until_exchange("GET", "/version", identity="anyone", proof="none")
    with open(own, "w") as out:
        out.write('[strangr]\n')
    front.service.signal(signal.SIGHUP)
    front.until_said("strangr: no such key; did you mean stranger?")
    check(curl(front, t, path="/info").startswith("HTTP/1.1 200"), "the old rules stay in force")
    with open(own, "w") as out:
        out.write('')
    front.service.signal(signal.SIGHUP)
    front.until_said("the access file was read again")
    front.expect_end(**refused("auth_missing", r"^/_ping$"))
    check(curl(front, t, path="/_ping").startswith("HTTP/1.1 401"), "nobody is let in any more")


@claim(clients="none", proxied_only=True, over=("guarded",))
def a_token_is_not_shown_to_dockerd_or_in_records(t):
    front = t.front(t.shared)
    token = t.world.guard.issue("--jti", "only-once")
    shown = curl(front, t, "--header", f"Authorization: Bearer {token}")
    check(json.loads(shown.split("\r\n\r\n", 1)[1])["Version"], shown)
    front.finish()
    with open(front.records_path) as records:
        text = records.read()
    check(token not in text and '"token_id":"only-once"' in text, text)


def secret_build(t, front, **also):
    # A step of its own: of equal ones BuildKit runs one, and asks any of their builds' clients.
    context = write_context(
        t.path("context"),
        f"FROM base\nRUN --mount=type=secret,id=word cp /run/secrets/word /{t.tag}\n")
    with open(t.path("word"), "w") as out:
        out.write("a word")
    return t.user(front).run("build", "--network", "none", "--secret",
                             "id=word,src=" + t.path("word"), "-t", t.tag, context, seconds=90,
                             DOCKER_BUILDKIT="1", **also)


@claim(buildkit=True, proxied_only=True, over=("guarded",))
def a_builder_may_use_its_secrets_and_the_calls_are_on_record(t):
    front = t.front(t.shared)
    secret_build(t, front).ok()
    record = front.until_exchange("POST", r"^/session$", reason="tunnel_complete")
    calls = {each["path"]: each["count"] for each in record["grpc"]["calls"]}
    check(calls.get("/moby.buildkit.secrets.v1.Secrets/GetSecret") == 1, str(record["grpc"]))


@claim(buildkit=True, proxied_only=True, over=("guarded",), profile="no_secrets")
def a_build_whose_secrets_are_forbidden_is_told_which_call_was_refused(t):
    front = t.front(t.shared)
    front.expect_end(method="POST", path=r"^/session$", reason="policy_denied", by="gate",
                     phase="tunnel", cls="refused")
    # The build's end comes from dockerd, or the client leaves before.
    front.tolerate(**by_client("POST", r"/build$", "response_body"))
    shown = secret_build(t, front).failed()
    shown.says(r"moby\.buildkit\.secrets\.v1\.Secrets/GetSecret in /session is not allowed")
    record = front.until_exchange("POST", r"^/session$", reason="policy_denied")
    said = front.why(record["id"])
    check("Secrets/GetSecret in /session is not allowed by profile no_secrets" in said and
          " x /moby.filesync.v1.FileSync/DiffCopy" in said, said)


@claim(clients="none", proxied_only=True)
def the_calls_of_a_grpc_tunnel_reach_dockerd_but_for_those_that_the_profile_lacks(t):
    if t.pki is None:
        t.options = ["--profile", "builder"]
    front = t.front(t.shared)
    front.expect_end(method="POST", path=r"^/grpc$", reason="policy_denied", by="gate",
                     phase="tunnel", cls="refused")
    client = RawClient(front.address)
    t.cleanup.callback(client.close)
    badge = list((getattr(front.pki, "headers", None) or {}).items())
    client.request("POST", "/grpc", [("Connection", "Upgrade"), ("Upgrade", "h2c")] + badge)
    client.until_bytes(b"\r\n\r\n")
    client.send(h2.opening() + h2.call(1, "/moby.buildkit.v1.Control/ListWorkers"))
    client.until_bytes(b"\x05linux")  # the platforms of dockerd's own worker
    client.send(h2.call(3, "/moby.buildkit.v1.Control/Prune"))
    shown = client.until_bytes(b"moby.buildkit.v1.Control/Prune in /grpc is not allowed by profile")
    check(h2.GOAWAY in shown, str(shown))
    record = front.until_exchange("POST", r"^/grpc$", reason="policy_denied")
    check(record["grpc"] == {"caller": "client", "streams": 1, "calls": [
        {"path": "/moby.buildkit.v1.Control/ListWorkers", "count": 1}]}, str(record["grpc"]))
class Person:
    """Somebody with a token of their own; has the face of a Pki towards clients."""

    def __init__(self, guard, directory, name):
        self.guard = guard
        token = f"{directory}/{name}.token"
        self.entry = guard._token("hash", "--name", name, "--key", guard.path("hash.key"),
                                  "--out", token) + 'profile = "mine"\n'
        with open(token) as secret:
            self.headers = {"Authorization": "Bearer " + secret.read().strip()}

    def environment(self):
        return {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": self.guard.authority_only}


def context_of(dockerfile):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        add_bytes(archive, "Dockerfile", dockerfile.encode())
    return stream.getvalue()


@claim(proxied_only=True, over=("guarded",), profile="mine")
def each_of_two_people_sees_and_touches_only_their_own_containers(t):
    guard, people = t.world.guard, {}
    for name in ("alice", "bob"):
        people[name] = Person(guard, t.directory, name)
    own = t.path("access.toml")
    with open(own, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
        out.write(f'hash_key = "{guard.path("hash.key")}"\n'
                  '[[profile]]\nname = "mine"\nbase = "run_sandboxed"\nown = true\n'
                  'allow = ["container_prune", "container_read", "container_stat"]\n' +
                  "".join(person.entry for person in people.values()))
    t.options = [own if each == guard.access else each for each in t.options]
    daemon = t.dockerd()
    # What becaused asks by itself is no exchange, and names go on as ids: not to be counted.
    t.own_daemons.remove(daemon)
    front = t.front(daemon)
    front.daemon = None
    users = {}
    for name, person in people.items():
        users[name] = t.user(front)
        users[name].pki = person
        users[name].configure({})
    for name, user in users.items():
        t.detached(user, "--name", f"{name}-1", "base", "sh", "-c", f"echo I am {name}; sleep 600")
        shown = user.run("run", "--rm", "--network", "none", "--name", f"{name}-2", "base", "echo",
                         "done").ok()
        check(shown.out == b"done\n", str(shown))
    ids = {}
    for name, user in users.items():
        other = "bob" if name == "alice" else "alice"
        shown = user.run("ps", "--all", "--format", "{{.Names}}").ok()
        check(shown.out.decode().split() == [f"{name}-1"], str(shown))
        # With filters of one's own, too.
        shown = user.run("ps", "--quiet", "--no-trunc", "--filter", f"name={other}").ok()
        check(shown.out == b"", str(shown))
        shown = user.run("ps", "--quiet", "--no-trunc", "--filter", f"name={name}").ok()
        ids[name] = shown.out.decode().strip()
        user.run("logs", f"{name}-1").ok().says(f"I am {name}")
        shown = user.run("exec", f"{name}-1", "echo", "from inside").ok()
        check(shown.out == b"from inside\n", str(shown))
        check(b"busybox" in user.run("cp", f"{name}-1:/bin/sh", "-").ok().out, "a link to it")
        events = user.run("events", "--since", "1h", "--until", "0s").ok().out.decode().splitlines()
        check(any(f"name={name}-2" in line for line in events), str(events))
        check(all(f"becaused.owner={name}" in line for line in events), str(events))
        user.run("inspect", "--format", '{{index .Config.Labels "becaused.owner"}}',
                 ids[name][:12]).ok().says(f"^{name}$")
    for name, user in users.items():
        other = "bob" if name == "alice" else "alice"
        for method in ("GET", "HEAD", "POST", "DELETE"):
            front.tolerate(**refused("policy_denied", "/(containers|networks)/", method=method))
        for named in (f"{other}-1", ids[other], ids[other][:12], "nobody-1"):
            user.run("rm", "--force", named, seconds=30).says(f"No such container: {named}")
            for command in (("logs",), ("inspect", "--type", "container"), ("rm",), ("kill",),
                            ("top",), ("attach",), ("wait",)):
                user.run(*command, named, seconds=30).failed().says(f"No such container: {named}")
            user.run("exec", named, "true", seconds=30).failed().says("No such container")
            user.run("cp", f"{named}:/bin/sh", "-", seconds=30).failed()
    # What an image says of its owner is not what its container's creator is.
    daemon.build("branded", context_of("FROM base\nLABEL becaused.owner=bob\n"))
    t.detached(users["alice"], "--name", "alice-3", "branded", "sleep", "600")
    users["bob"].run("logs", "alice-3", seconds=30).failed().says("No such container: alice-3")
    users["alice"].run("rm", "--force", "alice-3").ok()
    users["alice"].run("container", "prune", "--force").ok()
    users["alice"].run("rm", "--force", "alice-1").ok()
    shown = users["bob"].run("ps", "--format", "{{.Names}}").ok()
    check(shown.out == b"bob-1\n", str(shown))
    users["bob"].run("rm", "--force", ids["bob"]).ok()
    check(daemon.api_json("GET", "/containers/json?all=1") == [], "nothing is left")


@claim(proxied_only=True, over=("guarded",), profile="any")
def what_a_session_taught_lets_the_same_session_pass_and_no_other(t):
    guard, learnt = t.world.guard, t.path("learnt.toml")

    def session(front):
        user = t.user(front)
        user.run("run", "--rm", "--network", "none", "--group-add", "100", "--volume", "/tmp:/host",
                 "base", "echo", "hello").ok().says("hello")
        user.run("volume", "create", t.tag).ok()
        user.run("volume", "rm", t.tag).ok()

    front = t.front(t.shared, options=["--mode", "learn", "--learn", learnt])
    session(front)
    front.finish()
    with open(learnt) as text:
        profile = text.read()
    for word in ("container_create", "container_attach", "volume_delete", "group_add", "binds"):
        check(f'    "{word}",\n' in profile, profile)
    own = t.path("access.toml")
    with open(own, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as out, \
            open(guard.access) as access:
        # Keys of the file itself stand before its tables.
        out.write(access.read() + profile)
    t.options = [own if each == guard.access else each for each in t.options]
    t.options[t.options.index("--profile") + 1] = "learnt_any"
    front = t.front(t.shared)
    session(front)
    user = t.user(front)
    front.expect_end(**refused("policy_denied", r"/containers/create", method="POST"))
    user.run("run", "--rm", "--network", "none", "--pid", "host", "base", "true",
             seconds=30).exits(125).says("process namespaces", "profile learnt_any")
    front.expect_end(**refused("policy_denied", r"/images/json"))
    user.run("images", seconds=30).failed().says("not allowed by profile learnt_any")
