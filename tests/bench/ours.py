"""becaused as it is measured: the program, and variants of it that show what a part of it costs."""

import os
import subprocess

from processes import UsageError
from proxy import Proxy


def private(path, flags):
    return os.open(path, flags, 0o600)


class Becaused(Proxy):
    name = "becaused"
    binary = "build/becaused"

    @classmethod
    def require(cls):
        if not os.access(cls.binary, os.X_OK):
            raise UsageError(f"{cls.binary} is missing; build it with: make build")

    def command(self):
        return [self.binary, "run", "--listen", self.target + "?tls=off", "--listen",
                f"tcp://127.0.0.1:{self.tls_port}", "--tlscert", self.certificate.certificate,
                "--tlskey", self.certificate.key, "--handshake-rate", "off",
                "--max-connections", str(self.connections),
                "--upstream", self.upstream.address] + self.flags()

    def flags(self):
        return ["--profile", "any", "--records", self.log]

    def first_problem(self):
        with open(self.path("stderr"), errors="replace") as err:
            if not any("ready" in line for line in err):
                return "no ready line"
        return super().first_problem()

    @staticmethod
    def another(name, path):
        """Another build, to be measured beside this one."""
        return type("Becaused", (Becaused,), {"name": name, "binary": path})


class WithoutBox(Becaused):
    name = "no box"

    def flags(self):
        return ["--profile", "any", "--records", self.log, "--state", "off"]


class WithoutRecords(Becaused):
    name = "no records"

    def flags(self):
        return ["--profile", "any", "--state", "off"]


class Chained(Becaused):
    name = "chained"

    def prepare(self):
        with open(self.path("key"), "w", opener=private) as key:
            key.write(os.urandom(32).hex() + "\n")

    def flags(self):
        return super().flags() + ["--records-key-file", self.path("key")]


class Profiled(Becaused):
    name = "profile"
    probe = "/v1.43/version"

    def flags(self):
        return ["--profile", "builder", "--records", self.log]


class WithToken(Becaused):
    """A signed token with every request; after the first it is known."""

    name = "token"
    probe = "/v1.43/version"

    def prepare(self):
        run = [os.path.realpath(self.binary), "token"]
        access = subprocess.run(run + ["keygen", self.path("sign.key")], check=True,
                                capture_output=True, text=True).stdout
        with open(self.path("access.toml"), "w", opener=private) as out:
            out.write(access)
        token = subprocess.run(run + ["issue", "--key", self.path("sign.key"), "--sub", "bench",
                                      "--for", "1h"],
                               check=True, capture_output=True, text=True).stdout.strip()
        self.field_file = self.path("field")
        with open(self.field_file, "w", opener=private) as out:
            out.write(f"Authorization: Bearer {token}\n")

    def flags(self):
        return ["--profile", "builder", "--records", self.log,
                "--access", self.path("access.toml")]

    def request_fields(self):
        with open(self.field_file) as line:
            return dict([line.read().strip().split(": ", 1)])


VARIANTS = {kind.name: kind for kind in (WithoutBox, WithoutRecords, Chained, Profiled, WithToken)}
