"""A real dockerd in a directory of its own.

It runs in its own pid and mount namespaces, so that when it dies, by stop() or by a test's SIGKILL,
its containerd, shims, containers and mounts die with it and nothing of it stays on the machine.
Its debug log names every request it was asked ("Calling POST /v1.41/build"): the tests' independent
count of what becaused must have on record.
"""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import threading
import urllib.parse
from collections import Counter

from images import base_context
from processes import Service
from waiting import check, until

CALLING = re.compile(r'msg="Calling ([A-Z]+) ((?:[^"\\]|\\.)*)"')


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("docker", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Dockerd:
    """Owns the daemon and its directory."""

    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory)
        self.socket_path = os.path.join(directory, "docker.sock")
        self.upstream = "unix://" + self.socket_path
        self.own_calls = Counter()  # (method, path) that the harness asked
        self.recorded = Counter()  # (method, path) on record in front of it
        self.maybe_asked = Counter()  # on record as sent, and never answered
        self.calls_lock = threading.Lock()
        self.cgroup = "becaused-e2e-" + os.path.basename(directory) + "-" + str(os.getpid())
        self.service = Service("dockerd", [
            "unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL",
            "dockerd", "--debug",
            "--data-root", directory + "/data", "--exec-root", directory + "/exec",
            "--pidfile", directory + "/pid", "-H", self.upstream,
            "--bridge=none", "--iptables=false", "--ip6tables=false", "--storage-driver=vfs",
            "--cgroup-parent", "/" + self.cgroup,
        ], directory)
        try:
            self.service.until_ready(60, lambda: "API listen on" in self.service.log())
            # unshare's only child is dockerd: signals that tests send must reach it, not unshare.
            children = f"/proc/{self.service.pid}/task/{self.service.pid}/children"
            with open(children) as listing:
                self.pid = int(listing.read().split()[0])
        except BaseException:
            self.stop()
            raise

    # What the harness itself asks, past every proxy.

    def note_own_call(self, method, target):
        with self.calls_lock:
            self.own_calls[(method, target.split("?")[0])] += 1

    def note_recorded(self, sure, maybe):
        """Requests that one becaused before this daemon has on record."""
        with self.calls_lock:
            self.recorded.update(sure)
            self.maybe_asked.update(maybe)

    def api(self, method, target, body=None, headers=None, timeout=120):
        """(status, body bytes) of one request made directly; counted as the harness's own."""
        self.note_own_call(method, target)
        connection = UnixConnection(self.socket_path, timeout)
        try:
            connection.request(method, target, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def api_json(self, method, target, value=None):
        body = None if value is None else json.dumps(value)
        headers = {} if body is None else {"Content-Type": "application/json"}
        status, answer = self.api(method, target, body, headers)
        check(status < 400, f"dockerd answered {method} {target} with {status}: {answer!r}")
        return json.loads(answer) if answer.strip() else None

    def build(self, tag, context):
        """Builds an image from a tar stream given as bytes, with the classic builder."""
        query = urllib.parse.urlencode({"t": tag, "networkmode": "none"})
        status, answer = self.api("POST", "/build?" + query, context,
                                  {"Content-Type": "application/x-tar"})
        check(status == 200 and b"Successfully tagged" in answer,
              f"the harness could not build {tag}: {status} {answer[-500:]!r}")

    def add_base_image(self):
        self.build("base", base_context())

    def image_id(self, name):
        return self.api_json("GET", f"/images/{urllib.parse.quote(name)}/json")["Id"]

    def container(self, name):
        return self.api_json("GET", f"/containers/{name}/json")

    def until_running(self, name, seconds=20):
        def running():
            status, answer = self.api("GET", f"/containers/{name}/json")
            return status == 200 and json.loads(answer)["State"]["Running"]
        until(f"container {name} to run", seconds, running, interval=0.1)

    # What it was asked.

    def calls(self):
        """Counter of (method, path) of every request dockerd was asked by others than api()."""
        asked = Counter()
        for method, target in CALLING.findall(self.service.log()):
            asked[(method, target.replace('\\"', '"').split("?")[0])] += 1
        asked.subtract(self.own_calls)
        return +asked

    # Life and death.

    def pause(self):
        """Returns when it stands still: a thread that runs on another core may answer once more."""
        os.kill(self.pid, signal.SIGSTOP)

        def stopped():
            states = []
            for thread in os.listdir(f"/proc/{self.pid}/task"):
                try:
                    with open(f"/proc/{self.pid}/task/{thread}/stat") as stat:
                        states.append(stat.read().rpartition(")")[2].split()[0])
                except FileNotFoundError:  # it ended meanwhile
                    pass
            return all(state in "TZX" for state in states)
        until("dockerd to stand still", 10, stopped)

    def resume(self):
        os.kill(self.pid, signal.SIGCONT)

    def kill(self):
        """SIGKILL, with everything it had started. Returns when it is gone."""
        os.kill(self.pid, signal.SIGKILL)
        check(self.service.wait(10) is not None, "dockerd did not die of SIGKILL")

    def stop(self):
        if self.service.alive():
            try:
                os.kill(self.pid, signal.SIGCONT)
                os.kill(self.pid, signal.SIGKILL)  # the namespace dies with it; nothing to save
                self.service.wait(10)
            except (ProcessLookupError, AttributeError):
                pass
            self.service.stop()
        self.remove_cgroups()
        shutil.rmtree(os.path.join(self.directory, "data"), ignore_errors=True)
        shutil.rmtree(os.path.join(self.directory, "exec"), ignore_errors=True)

    def remove_cgroups(self):
        """Containers that died with dockerd leave empty groups behind; they are ours by name."""
        root = "/sys/fs/cgroup"
        try:
            tops = [os.path.join(root, name, self.cgroup) for name in os.listdir(root)]
        except OSError:
            return
        for top in tops + [os.path.join(root, self.cgroup)]:
            for folder, _, _ in os.walk(top, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:
                    pass  # still busy or a controller that forbids it: empty and harmless
