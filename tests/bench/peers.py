"""The proxies under test: how each is configured and started.

Fair means: one worker, upstream connections kept, a log line per request written to a file, nothing
buffered whole, splice(2) where the proxy has it, and the fields that a proxy owes its upstream
(X-Forwarded-*, a request id) added by all. Buffer sizes are the largest that cost a small request
nothing, by trial: 64 KiB for nginx, 32 KiB for HAProxy.
"""

import http.client
import os
import shutil
import socket
import subprocess
import time

from processes import BenchError, UsageError

READY_SECONDS = 10


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def private(path, flags):
    return os.open(path, flags, 0o600)


class Proxy:
    """One running proxy before one upstream, with a directory of its own."""

    name = ""
    binary = ""
    field_file = None  # a header field for each request to it
    probe = "/small"
    ready_seconds = READY_SECONDS

    def __init__(self, directory, upstream, certificate):
        self.directory = os.path.join(directory, f"{self.name}-{upstream.kind}")
        self.upstream = upstream
        self.port = free_port()
        self.tls_port = free_port()
        self.certificate = certificate
        self.log = os.path.join(self.directory, "log")
        self.process = None

    @classmethod
    def require(cls):
        """Raises UsageError, with the command that mends it, when the proxy is not there."""
        if shutil.which(cls.binary) is None:
            raise UsageError(f"{cls.binary} is not installed; install it with: scripts/deps bench")

    @property
    def target(self):
        return f"tcp://127.0.0.1:{self.port}"

    @property
    def tls_target(self):
        return f"tcp://127.0.0.1:{self.tls_port}"

    def start(self, processes, core):
        shutil.rmtree(self.directory, ignore_errors=True)
        os.makedirs(self.directory)
        self.prepare()
        with open(self.path("config"), "w") as config:
            config.write(self.config())
        with open(self.log_of_output(), "ab") as out, open(self.path("stderr"), "ab") as err:
            self.process = processes.start(self.command(), core, out, err)
        self.wait_until_ready()

    def wait_until_ready(self):
        deadline = time.monotonic() + self.ready_seconds
        while True:
            if self.process.poll() is not None:
                raise BenchError(f"{self.name} ended at its start:\n{self.last_words()}")
            problem = self.first_problem()
            if problem is None:
                return
            if time.monotonic() > deadline:
                raise BenchError(f"{self.name} is not ready after {self.ready_seconds} s: {problem}\n"
                                 f"{self.last_words()}")
            time.sleep(0.02)

    def first_problem(self):
        """None once a request comes back from the origin through the proxy."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", self.probe, headers=self.request_fields())
            answer = connection.getresponse()
            body = answer.read()
            return None if (answer.status, len(body)) == (200, 100) else f"status {answer.status}"
        except (OSError, http.client.HTTPException) as error:
            return str(error) or type(error).__name__
        finally:
            connection.close()

    def empty_log(self):
        """All of them append, so that a file cut short goes on at its start."""
        if os.path.exists(self.log):
            os.truncate(self.log, 0)

    def last_words(self):
        with open(self.path("stderr"), errors="replace") as err:
            return "".join(err.readlines()[-5:]).rstrip()

    def end_text(self):
        """Empty while it runs: what a failure's text needs to hear else."""
        code = self.process.poll()
        if code is None:
            return ""
        return f"; {self.name} itself has ended with code {code}: {self.last_words()}"

    def path(self, name):
        return os.path.join(self.directory, name)

    def log_of_output(self):
        return self.path("stdout")

    def request_fields(self):
        return {}

    def prepare(self):
        """What it needs in its directory beside its configuration."""

    def config(self):
        return ""

    def command(self):
        raise NotImplementedError


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


class Nginx(Proxy):
    name = "nginx"
    binary = "nginx"

    def command(self):
        # -e: the compiled-in error log may belong to somebody else.
        return [self.binary, "-p", self.directory, "-c", self.path("config"),
                "-e", self.path("stderr")]

    def config(self):
        server = self.upstream.address.replace("tcp://", "").replace("unix://", "unix:")
        user = "user root;" if os.geteuid() == 0 else ""
        return f"""
{user}
daemon off;
worker_processes 1;
pid pid;
error_log stderr warn;
events {{ worker_connections 8192; }}
http {{
  access_log {self.log} combined buffer=64k flush=1s;
  client_body_temp_path temp;
  proxy_temp_path temp;
  fastcgi_temp_path temp;
  uwsgi_temp_path temp;
  scgi_temp_path temp;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  client_max_body_size 0;
  upstream origin {{
    server {server};
    keepalive 256;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
  }}
  server {{
    listen 127.0.0.1:{self.port} backlog=4096;
    listen 127.0.0.1:{self.tls_port} ssl backlog=4096;
    ssl_certificate {self.certificate.certificate};
    ssl_certificate_key {self.certificate.key};
    ssl_protocols TLSv1.2;
    ssl_session_cache shared:bench:4m;
    location / {{
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Request-Id $request_id;
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_buffer_size 64k;
      proxy_buffers 4 64k;
      client_body_buffer_size 64k;
      proxy_read_timeout 600s;
      proxy_send_timeout 600s;
    }}
  }}
}}
"""


class Haproxy(Proxy):
    name = "haproxy"
    binary = "haproxy"

    def command(self):
        return [self.binary, "-db", "-f", self.path("config")]

    def log_of_output(self):
        return self.log

    def config(self):
        server = self.upstream.address.replace("tcp://", "").replace("unix://", "unix@")
        return f"""
global
  nbthread 1
  tune.bufsize 32768
  maxconn 4096
  log stdout format raw local0 info
defaults
  mode http
  log global
  option httplog
  option splice-request
  option splice-response
  option forwardfor
  http-reuse always
  timeout connect 5s
  timeout client 600s
  timeout server 600s
listen proxy
  bind 127.0.0.1:{self.port} backlog 4096
  bind 127.0.0.1:{self.tls_port} ssl crt {self.certificate.pair} ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.2 backlog 4096
  unique-id-format %{{+X}}o\\ %ci:%cp_%fi:%fp_%Ts_%rt:%pid
  unique-id-header X-Request-Id
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  server origin {server}
"""


def versions(names):
    """What was measured, as each says itself."""
    asks = {"nginx": ["nginx", "-v"], "haproxy": ["haproxy", "-v"],
            "becaused": [Becaused.binary, "version"]}
    said = {}
    for name in names:
        if name in asks:
            answer = subprocess.run(asks[name], capture_output=True, text=True, timeout=10,
                                    check=False)
            said[name] = ((answer.stdout + answer.stderr).splitlines() or ["unknown"])[0]
    return said
