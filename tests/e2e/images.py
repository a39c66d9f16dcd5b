"""Build contexts made here: a busybox image FROM scratch, and images of random bytes, which neither
gzip nor a registry's cache can make smaller."""

import io
import os
import subprocess
import tarfile
import threading

MIB = 1024 * 1024
_lock = threading.Lock()
_base = None


def add_bytes(archive, name, content, mode=0o644):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    member.mode = mode
    archive.addfile(member, io.BytesIO(content))


def base_context():
    """Every busybox tool in /bin, no layer that needs a container to build."""
    global _base
    with _lock:
        if _base is None:
            stream = io.BytesIO()
            with tarfile.open(fileobj=stream, mode="w") as archive:
                with open("/bin/busybox", "rb") as binary:
                    add_bytes(archive, "root/bin/busybox", binary.read(), 0o755)
                tools = subprocess.run(["/bin/busybox", "--list"], check=True, text=True,
                                       stdout=subprocess.PIPE, timeout=10).stdout.split()
                for tool in tools:
                    if tool == "busybox":
                        continue
                    member = tarfile.TarInfo("root/bin/" + tool)
                    member.type = tarfile.SYMTYPE
                    member.linkname = "busybox"
                    archive.addfile(member)
                add_bytes(archive, "Dockerfile",
                          b'FROM scratch\nCOPY root /\nENV PATH=/bin\nCMD ["/bin/sh"]\n')
            _base = stream.getvalue()
        return _base


def random_context(megabytes):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        add_bytes(archive, "noise", os.urandom(megabytes * MIB))
        add_bytes(archive, "Dockerfile", b"FROM scratch\nCOPY noise /noise\n")
    return stream.getvalue()


def write_context(directory, dockerfile, files=()):
    """A context on disk for the client to send. files: (name, bytes)."""
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "Dockerfile"), "w") as out:
        out.write(dockerfile)
    for name, content in files:
        with open(os.path.join(directory, name), "wb") as out:
            out.write(content)
    return directory


def write_random_file(path, megabytes):
    with open(path, "wb") as out:
        for _ in range(megabytes):
            out.write(os.urandom(MIB))
