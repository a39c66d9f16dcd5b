"""What a static binary is for: it needs no file but itself, is small, and stays what it is in a root that has
nothing else. Prints its size and its idle memory, a line per claim and, last, "N passed, N failed".
"""

import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(os.path.dirname(HERE), "e2e"))
import empty_root
from fake_docker import FakeDocker
from processes import Service, clean_environment, kill_what_is_left
from raw_http import RawClient
from waiting import Failure, check, until

# Guards, not aims: some 5 % above what was measured. Whoever needs more says here why. By mbedTLS's version: with
# that of Debian 13 comes TLS 1.3, and a larger libstdc++.
#   bytes of the file; KiB resident when idle, the touched parts of the file included; of that, KiB not the file's
LIMITS = {
    "2": (4_700_000, 4_550, 1_050),  # Debian 12: 4,465,984; 4,268; 932
    "3": (5_200_000, 5_000, 1_050),  # Debian 13: 4,934,392; 4,740; 876
}

CLAIMS = []


def claim(function):
    CLAIMS.append(function)
    return function


class Place:
    """A directory with an empty root in it, and what runs in there."""

    def __init__(self, program, directory):
        self.program, self.directory = program, directory
        os.makedirs(os.path.join(directory, "out"))
        self.records_path = os.path.join(directory, "out", "records")
        self.service = None

    def path(self, name):
        return os.path.join(self.directory, name)

    def etc(self, **files):
        os.makedirs(self.path("etc"), exist_ok=True)
        for name, text in files.items():
            with open(self.path("etc/" + name.replace("_", ".")), "w") as file:
                file.write(text)

    def run(self, *arguments):
        """Any command, to its end: its exit code and all it said."""
        command = empty_root.inside(self.path("root"), self.program, arguments)
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.STDOUT, env=clean_environment(), timeout=20)
        return done.returncode, done.stdout

    def run_here(self, *arguments):
        """The same in this root."""
        done = subprocess.run([self.program, *arguments], stdin=subprocess.DEVNULL, text=True, timeout=20,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=clean_environment())
        check(done.returncode == 0, lambda: done.stdout)
        return done.stdout

    def serve(self, upstream, *more, writable=None):
        """becaused before `upstream`. The address that it listens on."""
        arguments = ["run", "--listen", "tcp://127.0.0.1:0", "--upstream", upstream, "--profile",
                     "any", *more]
        if "--records" not in more:
            arguments += ["--records", self.records_path]
        given = [self.path("out")] if writable is None else writable
        etc = {"/etc": self.path("etc")} if os.path.isdir(self.path("etc")) else {}
        command = empty_root.inside(self.path("root"), self.program, arguments, given, [], etc)
        self.service = Service("becaused", command, self.directory)
        self.service.until_ready(10, lambda: "ready on" in self.service.log())
        port = re.search(r"ready on tcp://127\.0\.0\.1:(\d+)", self.service.log()).group(1)
        return ("127.0.0.1", int(port))

    def records(self):
        with open(self.records_path) as file:
            return file.read()

    def stop(self):
        code = self.service.stop()
        check(code == 0, lambda: f"it ended with {code}:\n{self.service.log()}")


def get(address, target="/_ping"):
    client = RawClient(address)
    client.request("GET", target)
    answer = client.answer()
    client.close()
    return answer


@claim
def it_asks_for_no_shared_library(place):
    shown = subprocess.run(["readelf", "-lWd", place.program], text=True, check=True,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20).stdout
    check("INTERP" not in shown and "NEEDED" not in shown, shown)
    check("Elf file type is DYN" in shown, "its addresses are not random: no static-pie")
    check("GNU_RELRO" in shown and "BIND_NOW" in shown, shown)


def limits(place):
    major = re.search(r"^mbedTLS (\d+)\.", place.run_here("version"), re.M).group(1)
    return LIMITS[major]


@claim
def it_is_small(place):
    size = os.path.getsize(place.program)
    most = limits(place)[0]
    print(f"size: {size} bytes ({size / 2**20:.2f} MiB), {most} at most")
    check(size <= most, f"{size} bytes are more than {most}")
    shown = subprocess.run(["readelf", "-SW", place.program], text=True, check=True, timeout=20,
                           stdout=subprocess.PIPE).stdout
    check(".symtab" not in shown and ".debug" not in shown, "it is not stripped")


def memory_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return {key: int(kib) for key, kib in re.findall(r"^(\w+): +(\d+) kB", file.read(), re.M)}


@claim
def it_is_idle_in_little_memory(place):
    upstream = FakeDocker()
    place.serve(upstream.upstream)
    found = memory_kib(place.service.pid)
    own = found["Anonymous"]
    _, most, most_own = limits(place)
    print(f"idle: {found['Rss']} KiB resident ({most} at most), {own} KiB of its own ({most_own} at most)")
    check(found["Rss"] <= most and own <= most_own, str(found))
    place.stop()
    upstream.stop()


@claim
def every_command_works_in_an_empty_root(place):
    code, said = place.run("version")
    check(code == 0 and said.startswith("becaused "), said)
    code, said = place.run("check", "--listen", "tcp://127.0.0.1:0", "--upstream", "tcp://127.0.0.1:1")
    check(code == 0 and 'listen = "tcp://127.0.0.1:0"' in said, said)
    code, said = place.run("why", "/none")
    check(code == 1 and "No such file" in said, said)
    code, said = place.run("token", "keygen", "/run/key")
    check(code == 0 and "k4.public." in said, said)


@claim
def it_serves_with_a_root_that_cannot_be_written(place):
    upstream = FakeDocker()
    # Not even a records file: to standard output, which is the service's log here.
    address = place.serve(upstream.upstream, "--records", "-", "--state", "off", writable=[])
    check(get(address).body == b"OK", "no ping")
    place.stop()
    upstream.stop()
    check('"reason":"complete"' in place.service.log(), place.service.log())


@claim
def its_black_box_outlives_a_kill(place):
    upstream = FakeDocker()
    state = ("--state", place.path("out") + "/state")
    address = place.serve(upstream.upstream, *state)
    client = RawClient(address)
    client.request("GET", "/_ping")
    check(client.answer().body == b"OK", "no ping")
    place.service.signal(9)
    place.service.wait(5)
    place.serve(upstream.upstream, *state)
    until("the last life's records", 5, lambda: '"reason":"previous_life"' in place.records())
    place.stop()
    upstream.stop()


@claim
def it_becomes_the_user_that_it_is_told(place):
    upstream = FakeDocker()
    os.chown(place.path("out"), 65534, 65533)
    os.setgroups([1, 2, 3])
    address = place.serve(upstream.upstream, "--user", "65534:65533")
    check(get(address).body == b"OK", "no ping")
    with open(f"/proc/{place.service.pid}/status") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    check(status["Uid"].split() == ["65534"] * 4 and status["Gid"].split() == ["65533"] * 4,
          str(status))
    check(status["Groups"].strip() == "" and status["NoNewPrivs"] == "1", str(status))
    check(set(status[each] for each in ("CapInh", "CapPrm", "CapEff", "CapAmb")) == {"0" * 16},
          str(status))
    place.stop()
    upstream.stop()
    found = os.stat(place.records_path)
    check((found.st_uid, found.st_gid) == (65534, 65533), str(found))


@claim
def the_name_of_a_user_is_looked_for_in_its_root(place):
    place.etc(passwd="keeper:x:4711:4712::/:\n", group="dockers:x:4713:\n",
              nsswitch_conf="passwd: sss systemd files\ngroup: sss files\n")
    os.chmod(place.path("out"), 0o777)
    upstream = FakeDocker()
    place.serve(upstream.upstream, "--user", "keeper:dockers")
    with open(f"/proc/{place.service.pid}/status") as file:
        status = file.read()
    check("Uid:\t4711\t4711" in status and "Gid:\t4713\t4713" in status, status)
    place.stop()
    upstream.stop()


@claim
def the_name_of_a_host_is_found_in_etc_hosts(place):
    # Modules that a static binary could only load from another system's libc.
    place.etc(hosts="127.0.0.1 build.example\n", nsswitch_conf="hosts: mymachines resolve mdns4 dns\n")
    upstream = FakeDocker()
    address = place.serve(f"tcp://build.example:{port_of(upstream)}")
    answer = get(address)
    check(answer.status == 200 and answer.body == b"OK", str(answer))
    place.stop()
    upstream.stop()


def port_of(upstream):
    return upstream.upstream.rpartition(":")[2]


class FakeDns(threading.Thread):
    """Says 127.0.0.1 for every name, and nothing for its IPv6 address."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.53", 53))
        self.asked = []
        self.start()

    def run(self):
        while True:
            question, peer = self.socket.recvfrom(512)
            name, at = [], 12
            while question[at]:
                name.append(question[at + 1:at + 1 + question[at]].decode())
                at += 1 + question[at]
            kind = struct.unpack(">H", question[at + 1:at + 3])[0]
            self.asked.append(".".join(name))
            answers = b""
            if kind == 1:
                answers = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x7f\x00\x00\x01"
            head = question[:2] + b"\x81\x80\x00\x01" + struct.pack(">H", bool(answers)) + b"\0" * 4
            self.socket.sendto(head + question[12:at + 5] + answers, peer)


@claim
def the_name_of_a_host_is_asked_for_by_dns(place):
    place.etc(resolv_conf="nameserver 127.0.0.53\noptions timeout:2 attempts:1\n")
    upstream = FakeDocker()
    dns = FakeDns()
    address = place.serve(f"tcp://docker.example:{port_of(upstream)}")
    answer = get(address)
    check(answer.status == 200 and answer.body == b"OK", f"{answer}\n{dns.asked}")
    check("docker.example" in dns.asked, str(dns.asked))
    place.stop()
    upstream.stop()


@claim
def localhost_needs_no_file(place):
    upstream = FakeDocker()
    address = place.serve(f"tcp://localhost:{port_of(upstream)}")  # no /etc at all
    answer = get(address)
    check(answer.status == 200 and answer.body == b"OK", str(answer))
    place.stop()
    upstream.stop()


@claim
def a_name_that_nobody_can_look_up_is_said_to_be_so(place):
    address = place.serve("tcp://docker.example:2375")  # no /etc at all
    answer = get(address, "/version")
    check(answer.status == 502 and b"could not be reached (EAI_AGAIN)" in answer.body, str(answer))
    place.stop()
    said = [line for line in place.records().splitlines() if '"event":"exchange"' in line]
    check(len(said) == 1, place.records())
    for part in ('"reason":"upstream_unreachable"', '"op":"resolve"', '"errno":"EAI_AGAIN"'):
        check(part in said[0], f"{part} is missing: {said[0]}")


@claim
def without_standard_streams_it_serves_and_harms_nothing(place):
    upstream = FakeDocker()
    listen = place.path("out") + "/socket"
    command = empty_root.inside(place.path("root"), place.program, [
        "run", "--listen", "unix://" + listen, "--upstream", upstream.upstream, "--profile", "any",
        "--records", place.records_path], [place.path("out")])
    service = Service("closed", ["bash", "-c", 'exec "$@" <&- >&- 2>&-', "-", *command], place.directory)
    until("its socket", 10, lambda: os.path.exists(listen))
    until("a ping", 5, lambda: answers(listen))
    check(service.stop() == 0, "it did not end well")
    upstream.stop()
    check(all(line.startswith('{"v":1,') for line in place.records().splitlines()), place.records())


SERVICE = os.path.join(HERE, "../../scripts/package/becaused.service")


def calls_of(group):
    """The names in one of systemd's groups of system calls, those of groups within included."""
    shown = subprocess.run(["systemd-analyze", "syscall-filter", group], text=True, check=True,
                           timeout=20, stdout=subprocess.PIPE).stdout
    words = [line.strip() for line in shown.splitlines()[1:]]
    calls = set()
    for word in words:
        if word.startswith("@"):
            calls |= calls_of(word)
        elif word and not word.startswith("#"):
            calls.add(word)
    return calls


def calls_admitted():
    """What the filters of the service let pass, in the order in which they stand."""
    admitted = set()
    with open(SERVICE) as file:
        for line in file:
            if not line.startswith("SystemCallFilter="):
                continue
            groups = line.strip().partition("=")[2]
            named = set().union(*map(calls_of, groups.lstrip("~").split()))
            admitted = admitted - named if groups.startswith("~") else admitted | named
    return admitted


@claim
def its_service_admits_every_system_call_that_it_makes(place):
    if shutil.which("strace") is None or shutil.which("systemd-analyze") is None:
        print("not tried: strace or systemd-analyze is missing")
        return
    upstream = FakeDocker()
    listen, trace = place.path("socket"), place.path("trace")
    # With a bit of all: a socket for a group, a name, files that are rotated, what an operator asks.
    place.service = Service("traced", [
        "strace", "-f", "-qq", "-o", trace, place.program, "run", "--listen",
        f"unix://{listen}?group={os.getgid()}", "--upstream", f"tcp://localhost:{port_of(upstream)}",
        "--profile", "any", "--state", place.path("state"), "--records", place.records_path,
        "--records-max-size", "4KiB"], place.directory)
    place.service.until_ready(20, lambda: "ready on" in place.service.log())
    for _ in range(30):
        check(answers(listen), "no ping")
    place.run_here("why", "--live", "--state", place.path("state"))
    with open(f"/proc/{place.service.pid}/task/{place.service.pid}/children") as file:
        pid = int(file.read().split()[0])
    os.kill(pid, 1)
    os.kill(pid, 15)
    check(place.service.wait(10) == 0, lambda: place.service.log())
    upstream.stop()
    with open(trace) as file:
        made = set(re.findall(r"^\d+ +(\w+)\(", file.read(), re.M))
    check(len(made) > 30 and "accept4" in made and "chown" in made, str(sorted(made)))
    refused = made - calls_admitted()
    check(not refused, f"{SERVICE} would refuse {sorted(refused)}")


def answers(path):
    try:
        return get(path).body == b"OK"
    except OSError:
        return False


def main():
    program = os.path.abspath(sys.argv[1])
    if not os.access(program, os.X_OK):
        print(f"{program} is missing: make static\n0 passed, 1 failed")
        return 1
    directory = tempfile.mkdtemp(prefix="becaused-static-")
    os.chmod(directory, 0o755)
    passed = failed = 0
    for number, function in enumerate(CLAIMS):
        name = function.__name__.replace("_", " ")
        place = Place(program, os.path.join(directory, str(number)))
        try:
            function(place)
            passed += 1
            print(f"ok    {name}", flush=True)
        except (Failure, OSError, subprocess.SubprocessError) as problem:
            failed += 1
            print(f"FAIL  {name}\n      {problem}", flush=True)
            if place.service is not None:
                print("      " + place.service.log().replace("\n", "\n      "))
    kill_what_is_left()
    shutil.rmtree(directory, ignore_errors=True)
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
