"""A network of the bench's own, where it may have one: a namespace with nothing but a loopback.

A machine's default congestion control is meant for the world outside. BBR paces, with a timer for each
pause; on a loopback, where nothing ever queues, these timers are half of what a bulk transfer costs,
and the more so the less the proxy itself does.
"""

import ctypes
import fcntl
import os
import socket
import struct

CLONE_NEWNET = 0x40000000  # sched.h
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1  # linux/sockios.h, net/if.h
CONTROL = "/proc/sys/net/ipv4/tcp_congestion_control"
UNPACED = ("cubic", "reno")  # Linux's own default; what every kernel has


def raise_loopback():
    request = struct.Struct("16sh14x")  # struct ifreq
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        name, flags = request.unpack(
            fcntl.ioctl(any_socket, SIOCGIFFLAGS, request.pack(b"lo", 0)))
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, request.pack(name, flags | IFF_UP))


def control():
    with open(CONTROL) as current:
        return current.read().strip()


def choose_unpaced():
    for name in UNPACED:
        try:
            with open(CONTROL, "w") as chosen:
                chosen.write(name)
            return
        except OSError:
            continue


def leave():
    """Moves this process, and what it starts from now on, into a network of their own. Says where it is."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        why = os.strerror(ctypes.get_errno())
        return f"the machine's own network ({why}), congestion control {control()}"
    raise_loopback()
    choose_unpaced()
    return f"a network of its own, congestion control {control()}"
