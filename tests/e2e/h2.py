"""HTTP/2 (RFC 9113) by hand: as much of it as a gRPC call without a message's bytes needs."""

import struct

GOAWAY = b"\x07\x00\x00\x00\x00\x00\x7f\xff\xff\xff"  # the highest stream, which becaused names


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + \
        struct.pack(">I", stream) + payload


def literal(text):
    return bytes([len(text)]) + text.encode()


def opening():
    """A client's preface and its SETTINGS."""
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0)


def call(stream, path):
    """Fields that no table remembers (RFC 7541 6.2.2), and one empty message."""
    fields = b"\x83\x86" + b"\x04" + literal(path) + b"\x01" + literal("docker") + \
        b"\x0f\x10" + literal("application/grpc") + b"\x00" + literal("te") + \
        literal("trailers")
    return frame(1, 4, stream, fields) + frame(0, 1, stream, b"\0\0\0\0\0")
