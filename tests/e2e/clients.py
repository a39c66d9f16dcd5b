"""The docker command-line clients on this machine, run as a person would; every wait is bounded."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import time

from processes import clean_environment, remember
from waiting import Failure, check

DEBIAN = "/usr/bin/docker"


class Cli:
    def __init__(self, path):
        self.path = path
        said = subprocess.run([path, "--version"], text=True, stdout=subprocess.PIPE, timeout=20,
                              env=clean_environment(HOME="/nonexistent"), check=True).stdout
        self.version = re.search(r"version ([0-9.]+)", said).group(1)
        self.major = int(self.version.split(".")[0])
        self.label = f"cli {self.major}"
        # From 23 on the client builds with BuildKit through a separate program only.
        self.has_buildkit = self.major < 23 or self._has_buildx()

    def _has_buildx(self):
        asked = subprocess.run([self.path, "buildx", "version"], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, timeout=20,
                               env=clean_environment(HOME="/nonexistent"))
        return asked.returncode == 0

    def __str__(self):
        return f"{self.path} {self.version}"


def find_clients():
    """Debian's client, and any other on the path."""
    places = [DEBIAN] + [os.path.join(folder, "docker")
                         for folder in os.environ.get("PATH", "").split(":")]
    found, seen = [], set()
    for place in places:
        real = os.path.realpath(place)
        if real not in seen and os.access(place, os.X_OK) and os.path.isfile(real):
            seen.add(real)
            found.append(Cli(place))
    return found


class Result:
    def __init__(self, command, code, out, err, seconds):
        self.command, self.code, self.seconds = command, code, seconds
        self.out, self.err = out, err

    def text(self):
        return (self.out + self.err).decode("utf-8", "replace")

    def __str__(self):
        return (f"`{self.command}` exit {self.code} after {self.seconds:.1f} s\n"
                f"  stdout: {self.out[-1500:]!r}\n  stderr: {self.err[-1500:]!r}")

    def ok(self):
        check(self.code == 0, lambda: f"should succeed: {self}")
        return self

    def exits(self, code):
        check(self.code == code, lambda: f"should exit {code}: {self}")
        return self

    def failed(self):
        check(self.code not in (0, None), lambda: f"should fail: {self}")
        return self

    def says(self, *patterns):
        for pattern in patterns:
            check(re.search(pattern, self.text()), lambda: f"should say {pattern!r}: {self}")
        return self


class Running:
    """A client that runs while the test does something to it."""

    def __init__(self, command, env, stdin, directory, terminal=False):
        self.command = " ".join(command)
        self.started = time.monotonic()
        self.changed = threading.Condition()
        self.streams = {"out": bytearray(), "err": bytearray()}
        if terminal:
            self.keyboard = self._start_on_terminal(command, env, directory)
            sources = [("out", self.keyboard)]
        else:
            self.process = remember(subprocess.Popen(
                command, env=env, stdin=stdin, cwd=directory, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, start_new_session=True))
            sources = [("out", self.process.stdout), ("err", self.process.stderr)]
        self.readers = [threading.Thread(target=self._read, args=source, daemon=True)
                        for source in sources]
        for reader in self.readers:
            reader.start()

    def _start_on_terminal(self, command, env, directory):
        """Runs it on a terminal of 120 columns and 40 lines; returns our end of it."""
        controller, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.process = remember(subprocess.Popen(
            command, env=env, cwd=directory, stdin=terminal, stdout=terminal, stderr=terminal,
            start_new_session=True))
        os.close(terminal)
        return os.fdopen(controller, "r+b", buffering=0)

    def _read(self, name, pipe):
        while True:
            try:
                data = os.read(pipe.fileno(), 65536)
            except OSError:
                data = b""  # a terminal whose last user left
            with self.changed:
                if not data:
                    self.changed.notify_all()
                    return
                self.streams[name] += data
                self.changed.notify_all()

    def output(self):
        with self.changed:
            return bytes(self.streams["out"]), bytes(self.streams["err"])

    def until_output(self, text, seconds=90):
        wanted = text.encode()

        def there():
            return any(wanted in each for each in self.streams.values())
        with self.changed:
            self.changed.wait_for(
                lambda: there() or not any(r.is_alive() for r in self.readers), seconds)
            if not there():
                raise Failure(f"`{self.command}` did not print {text!r} within {seconds} s:\n"
                              f"  stdout: {bytes(self.streams['out'][-800:])!r}\n"
                              f"  stderr: {bytes(self.streams['err'][-800:])!r}")
        return self

    def feed(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def end_input(self):
        self.process.stdin.close()

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def kill(self):
        self.process.kill()

    def alive(self):
        return self.process.poll() is None

    def stays_alive_for(self, seconds):
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return
        raise Failure(f"ended within {seconds} s: {self._result(code)}")

    def finish(self, seconds=60):
        """Waits for it to end by itself."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait(10)
            raise Failure(f"still running after {seconds} s: {self._result(None)}") from None
        return self._result(code)

    def _result(self, code):
        for reader in self.readers:
            reader.join(10 if code is not None else 0.1)
        out, err = self.output()
        return Result(self.command, code, out, err, time.monotonic() - self.started)

    def stop(self):
        if self.alive():
            self.kill()
            self.process.wait(10)


class User:
    """Somebody with a client, a home directory and a DOCKER_HOST."""

    def __init__(self, cli, host, directory, pki=None):
        self.cli, self.host, self.pki = cli, host, pki
        self.home = directory
        os.makedirs(os.path.join(directory, ".docker"), exist_ok=True)
        if pki is not None and pki.headers:
            self.configure({})

    def configure(self, settings):
        if self.pki is not None and self.pki.headers:
            settings = {**settings,
                        "HttpHeaders": {**settings.get("HttpHeaders", {}), **self.pki.headers}}
        with open(os.path.join(self.home, ".docker", "config.json"), "w") as out:
            json.dump(settings, out)

    def environment(self, **more):
        if self.pki is not None:
            more = {**self.pki.environment(), **more}
        return clean_environment(HOME=self.home, DOCKER_CONFIG=self.home + "/.docker",
                                 DOCKER_HOST=self.host, **more)

    def command(self, arguments):
        return [self.cli.path, *arguments]

    def start(self, *arguments, stdin=subprocess.DEVNULL, terminal=False, **env):
        return Running(self.command(arguments), self.environment(**env), stdin, self.home, terminal)

    def run(self, *arguments, input=None, seconds=120, **env):
        """Runs to the end. input: bytes for its standard input, which then ends."""
        begun = time.monotonic()
        source = {"stdin": subprocess.DEVNULL} if input is None else {"input": input}
        command = self.command(arguments)
        try:
            done = subprocess.run(command, env=self.environment(**env), timeout=seconds,
                                  cwd=self.home, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  start_new_session=True, **source)
        except subprocess.TimeoutExpired as late:
            so_far = Result(" ".join(command), None, late.stdout or b"", late.stderr or b"",
                            seconds)
            raise Failure(f"still running: {so_far}") from None
        return Result(" ".join(command), done.returncode, done.stdout, done.stderr,
                      time.monotonic() - begun)


