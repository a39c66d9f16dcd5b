"""An upstream that behaves as a test tells it: dockerd's ping, and any misbehaviour after that.

It keeps every request head and body byte as received, so that tests can say what reached it.
"""

import re
import socket
import struct
import threading

from waiting import Failure

PING = (b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nDocker-Experimental: false\r\nOstype: linux\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s")


class Request:
    """One request as it arrived on one connection. read_body() is up to the handler."""

    def __init__(self, connection, head, rest):
        self.connection = connection
        self.head = head
        self.raw = bytearray(rest)  # body bytes, with their chunk framing
        line, _, fields = head.partition(b"\r\n")
        self.method, self.target, _ = line.decode("latin-1").split(" ", 2)
        self.path = self.target.split("?")[0]
        self.fields = [tuple(part.strip() for part in field.decode("latin-1").split(":", 1))
                       for field in fields.split(b"\r\n") if field]

    def field(self, name):
        for key, value in self.fields:
            if key.lower() == name.lower():
                return value
        return None

    def send(self, data):
        self.connection.sendall(data)

    def answer(self, status, body=b"", fields=(), reason="X"):
        head = f"HTTP/1.1 {status} {reason}\r\nContent-Length: {len(body)}\r\n"
        head += "".join(f"{key}: {value}\r\n" for key, value in fields)
        self.send(head.encode() + b"\r\n" + body)

    def json(self, body, status=200):
        self.answer(status, body, [("Content-Type", "application/json")])

    def start_stream(self, status=200):
        self.send(b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\n"
                  b"Transfer-Encoding: chunked\r\n\r\n" % status)

    def chunk(self, data):
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def read_body(self, until=None):
        """Reads until the body is whole, the peer is gone (False), or `until` bytes are there."""
        length = self.field("Content-Length")
        chunked = (self.field("Transfer-Encoding") or "").lower() == "chunked"
        while True:
            if until is not None and len(self.raw) >= until:
                return True
            if chunked and (self.raw.endswith(b"\r\n0\r\n\r\n") or self.raw == b"0\r\n\r\n"):
                return True
            if not chunked and len(self.raw) >= int(length or 0):
                return True
            try:
                data = self.connection.recv(65536)
            except OSError:
                return False
            if not data:
                return False
            self.raw += data

    def until_gone(self):
        """Reads on until the peer ends its half or resets."""
        try:
            while True:
                data = self.connection.recv(65536)
                if not data:
                    return
                self.raw += data
        except OSError:
            return

    def end_by_fin(self):
        self.connection.shutdown(socket.SHUT_WR)

    def end_by_reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


class FakeDocker:
    """Handlers by (method, pattern of the path without its version); the first that fits is called
    in the connection's thread and may do with the connection as it likes."""

    def __init__(self):
        self.handlers = []
        self.requests = []
        self.changed = threading.Condition()
        self.connections = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.upstream = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        self.on("(GET|HEAD)", r"/_ping", self.ping)
        threading.Thread(target=self._accept, daemon=True).start()

    def on(self, method, path, handler):
        self.handlers.append((method, path, handler))
        return self

    @staticmethod
    def ping(request):
        body = b"" if request.method == "HEAD" else b"OK"
        request.send(PING % (2 if body else 0, body))

    def asked(self, method, path):
        with self.changed:
            return [each for each in self.requests
                    if each.method == method and re.search(path, each.path)]

    def until_asked(self, method, path, seconds=10):
        with self.changed:
            self.changed.wait_for(lambda: self.asked(method, path), seconds)
        found = self.asked(method, path)
        if not found:
            raise Failure(f"the upstream was not asked {method} {path} within {seconds} s")
        return found[0]

    def stop(self):
        self.listener.close()
        with self.changed:
            connections = list(self.connections)
        for each in connections:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended already
            each.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with self.changed:
                self.connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        buffered = b""
        try:
            while True:
                while b"\r\n\r\n" not in buffered:
                    data = connection.recv(65536)
                    if not data:
                        return
                    buffered += data
                head, _, rest = buffered.partition(b"\r\n\r\n")
                request = Request(connection, head, rest)
                with self.changed:
                    self.requests.append(request)
                    self.changed.notify_all()
                if not self._handle(request):
                    return
                buffered = b""  # clients here send one request at a time
        except OSError:
            pass  # the peer's end, or the handler's
        finally:
            with self.changed:
                self.connections.discard(connection)
            connection.close()

    def _handle(self, request):
        """Whether the connection goes on to a next request."""
        path = re.sub(r"^/v1\.\d+", "", request.path)
        for method, pattern, handler in self.handlers:
            if re.fullmatch(method, request.method) and re.fullmatch(pattern, path):
                return handler(request) is None
        request.read_body()
        request.json(b'{"message":"the fake has no such page"}', 404)
        return True
