"""A client without manners: sends what a test wrote, and shows exactly what came back."""

import socket

from pki import TlsSocket
from waiting import Failure, check


class Answer:
    def __init__(self, head, body, framing, ended):
        lines = head.split(b"\r\n")
        self.line = lines[0].decode("latin-1")
        self.status = int(self.line.split(" ")[1])
        self.fields = [tuple(part.strip() for part in line.decode("latin-1").split(":", 1))
                       for line in lines[1:]]
        self.body, self.framing, self.ended = body, framing, ended

    def field(self, name):
        values = [value for key, value in self.fields if key.lower() == name.lower()]
        return values[0] if values else None

    def __str__(self):
        return f"{self.line} {self.fields} {self.body[:300]!r} ({self.framing}, {self.ended})"


class RawClient:
    """One connection. Every wait ends after `seconds`."""

    def __init__(self, address, seconds=15):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family)
        self.socket.settimeout(seconds)
        self.socket.connect(address)
        context = getattr(address, "context", None)
        if context is not None:
            self.socket = TlsSocket(self.socket, context, address[0])
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data)

    def request(self, method, target, fields=(), body=b""):
        head = f"{method} {target} HTTP/1.1\r\nHost: docker\r\n"
        head += "".join(f"{key}: {value}\r\n" for key, value in fields)
        self.send(head.encode() + b"\r\n" + body)

    def end_sending(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def _more(self):
        """Adds to the buffer; "" while it goes on, else how the connection ended."""
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            raise Failure(f"no more bytes came; so far {self.buffer[-300:]!r}") from None
        except OSError:
            return "reset"
        self.buffer += data
        return "" if data else "end"

    def until_bytes(self, wanted):
        while wanted not in self.buffer:
            ended = self._more()
            check(not ended, lambda: f"{ended} before {wanted!r}: {self.buffer[-300:]!r}")
        return self.buffer

    def until_end(self):
        """How it ended ("end" or "reset"); what came is in the buffer."""
        while True:
            ended = self._more()
            if ended:
                return ended

    def head(self):
        self.until_bytes(b"\r\n\r\n")
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        return head

    def answer(self, method="GET"):
        """One answer, with how its body was framed and whether it was whole."""
        head = self.head()
        answer = Answer(head, b"", "none", "whole")
        length, coding = answer.field("Content-Length"), answer.field("Transfer-Encoding")
        if method == "HEAD" or answer.status in (101, 204, 304):
            return answer
        if coding is not None:
            answer.framing = "chunked"
            answer.ended = self._chunked(answer)
        elif length is not None:
            answer.framing = "length"
            while len(self.buffer) < int(length) and answer.ended == "whole":
                answer.ended = self._more() or "whole"
            answer.body, self.buffer = self.buffer[:int(length)], self.buffer[int(length):]
        else:
            answer.framing = "close"
            answer.ended = self.until_end()
            answer.body, self.buffer = self.buffer, b""
        return answer

    def _chunked(self, answer):
        while True:
            while b"\r\n" not in self.buffer:
                ended = self._more()
                if ended:
                    return ended
            size_line, _, rest = self.buffer.partition(b"\r\n")
            size = int(size_line.split(b";")[0], 16)
            while len(rest) < size + 2:
                ended = self._more()
                if ended:
                    answer.body += rest
                    return ended
                rest = self.buffer.partition(b"\r\n")[2]
            answer.body += rest[:size]
            self.buffer = rest[size + 2:]
            if size == 0:
                return "whole"
