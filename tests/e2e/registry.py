"""A real docker-registry on loopback, and the slow relay that tests put before it."""

import os
import shutil
import socket
import threading
import time

from processes import Service, clean_environment, free_port
from waiting import check

CHUNK = 64 * 1024


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


class Registry:
    def __init__(self, directory, password_file=False):
        os.makedirs(directory)
        self.directory = directory
        self.port = free_port()
        config = os.path.join(directory, "config.yml")
        with open(config, "w") as out:
            out.write("version: 0.1\n"
                      "log: {level: warn}\n"
                      f"storage: {{filesystem: {{rootdirectory: {directory}/data}}}}\n"
                      f"http: {{addr: '127.0.0.1:{self.port}'}}\n")
            if password_file:
                # The registry fills a missing file with a password that nobody knows.
                out.write(f"auth: {{htpasswd: {{realm: e2e, path: {directory}/htpasswd}}}}\n")
        self.service = Service("registry", ["docker-registry", "serve", config], directory,
                               clean_environment(OTEL_TRACES_EXPORTER="none"))
        try:
            self.service.until_ready(20, lambda: accepts(self.port))
        except BaseException:
            self.stop()
            raise

    def stop(self):
        self.service.stop()
        shutil.rmtree(os.path.join(self.directory, "data"), ignore_errors=True)


class Relay:
    """Passes TCP on to the registry at a bounded rate, and can fall silent while all stay
    connected. Only what goes towards the registry is slowed: that is a push's weight."""

    def __init__(self, target_port, bytes_per_second):
        self.target_port = target_port
        self.bytes_per_second = bytes_per_second
        self.changed = threading.Condition()
        self.held = False
        self.hold_points = []  # counts of uploaded bytes, ascending
        self.closed = False
        self.uploaded = 0
        self.next_slot = 0.0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.sockets = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def hold_at(self, *counts):
        """Falls silent, until release(), whenever so many bytes have been passed on."""
        with self.changed:
            self.hold_points = sorted(counts)

    def until_held(self, seconds):
        with self.changed:
            came = self.changed.wait_for(lambda: self.held, seconds)
            check(came, f"only {self.uploaded} bytes reached the registry's relay in {seconds} s")

    def release(self):
        with self.changed:
            self.held = False
            self.changed.notify_all()

    def speed_up(self):
        with self.changed:
            self.held = False
            self.bytes_per_second = 1 << 40
            self.changed.notify_all()

    def stop(self):
        with self.changed:
            self.closed = True
            self.held = False
            self.changed.notify_all()
            sockets = list(self.sockets)
        self.listener.close()
        for each in sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # its peer was faster

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target_port), timeout=10)
                far.settimeout(None)
            except OSError:
                near.close()
                continue
            # Small buffers: bytes that the kernel holds would count as passed on when they are not.
            near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * CHUNK)
            with self.changed:
                self.sockets.update((near, far))
            threading.Thread(target=self._pair, args=(near, far), daemon=True).start()

    def _pair(self, near, far):
        down = threading.Thread(target=self._pump, args=(far, near, False), daemon=True)
        down.start()
        self._pump(near, far, True)
        down.join()
        with self.changed:
            self.sockets.difference_update((near, far))
        near.close()
        far.close()

    def _pump(self, source, sink, slowed):
        try:
            while True:
                data = source.recv(CHUNK)
                if not data:
                    break
                if slowed:
                    self._wait_for_turn(len(data))
                sink.sendall(data)
        except OSError:
            pass  # the end of either side ends both, below
        for each in (source, sink):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # already gone

    def _wait_for_turn(self, size):
        with self.changed:
            now = time.monotonic()
            self.next_slot = max(self.next_slot, now) + size / self.bytes_per_second
            delay = self.next_slot - now
        if delay > 0.005:
            time.sleep(delay)  # the slowness itself
        with self.changed:
            self.changed.wait_for(lambda: self.closed or not self.held)
            self.uploaded += size
            if self.hold_points and self.uploaded >= self.hold_points[0]:
                self.hold_points.pop(0)
                self.held = True
            self.changed.notify_all()
