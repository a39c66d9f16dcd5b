"""Who may come in: an access file with one entry of each kind, made with `becaused token` for one run,
and what Docker's clients are told to prove it."""

import base64
import os
import subprocess

from processes import clean_environment
from waiting import check

# What scenarios show in turn. Passwords, which take a second to be checked on a busy machine, have a
# scenario of their own.
KINDS = ("certificate", "signed token", "static token")
AUDIENCE = "becaused-e2e"


class Guard:
    def __init__(self, binary, directory, pki):
        self.binary, self.directory, self.pki = binary, directory, pki
        os.makedirs(directory)
        self.authority_only = self.path("ca-only")
        os.makedirs(self.authority_only)
        os.symlink(pki.ca, os.path.join(self.authority_only, "ca.pem"))
        public = self._token("keygen", self.path("sign.key"))
        hash_key = self._token("keygen", "--hash-key", self.path("hash.key"))
        self.static = self.path("static.token")
        static = self._token("hash", "--name", "runner", "--key", self.path("hash.key"),
                             "--out", self.static)
        password = self._token("hash", "--name", "alice", "--password", "-",
                               said=b"open sesame, please\n")
        self.access = self.path("access.toml")
        with open(self.access, "w", opener=private) as out:
            out.write(f'audience = "{AUDIENCE}"\n{hash_key}\n'
                      '[[profile]]\nname = "keeper"\nbase = "run_sandboxed"\n'
                      'allow = ["image_delete", "container_stat", "container_read",'
                      ' "container_write"]\n'
                      '[[profile]]\nname = "no_secrets"\nbase = "builder"\n'
                      'session = ["!moby.buildkit.secrets.v1.Secrets/*"]\n'
                      f'{public}\n{static}\n{password}\n'
                      '[[certificate]]\nsubject = "CN=becaused e2e"\nname = "certified"\n')

    def path(self, name):
        return os.path.join(self.directory, name)

    def _token(self, *arguments, said=b""):
        done = subprocess.run([self.binary, "token", *arguments], input=said, timeout=30,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=clean_environment())
        check(done.returncode == 0, lambda: f"becaused token {arguments}: {done.stderr}")
        return done.stdout.decode()

    def options(self, profile):
        """What `becaused run` is told."""
        return ["--tlscert", self.pki.server, "--tlskey", self.pki.server_key,
                "--tlscacert", self.pki.ca, "--access", self.access, "--profile", profile]

    def issue(self, *more):
        """A fresh signed token."""
        return self._token("issue", "--key", self.path("sign.key"), "--sub", "ci",
                           "--aud", AUDIENCE, *more).strip()

    def badge(self, kind):
        return Badge(self, kind)

    def field(self, kind):
        """The value of Authorization; None: a certificate speaks."""
        if kind == "certificate":
            return None
        if kind == "signed token":
            return "Bearer " + self.issue()
        with open(self.static) as token:
            pair = "runner:" + token.read().strip()
        if kind == "password":
            pair = "alice:open sesame, please"
        return "Basic " + base64.b64encode(pair.encode()).decode()


class Badge:
    """What one user shows; has the face of a Pki towards clients."""

    def __init__(self, guard, kind):
        self.guard, self.kind = guard, kind
        value = guard.field(kind)
        self.headers = {} if value is None else {"Authorization": value}

    def environment(self):
        certified = not self.headers
        return {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH":
                self.guard.pki.directory if certified else self.guard.authority_only}


def private(path, flags):
    return os.open(path, flags, 0o600)
