"""The other proxies under test, and how each is configured.

Fair means: one worker, upstream connections kept, a log line per request written to a file, nothing
buffered whole, splice(2) where the proxy has it, and the fields that a proxy owes its upstream
(X-Forwarded-*, a request id) added by all. Buffer sizes are the largest that cost a small request
nothing, by trial: 64 KiB for nginx, 32 KiB for HAProxy.
"""

import os
import shutil
import subprocess

from ours import Becaused
from processes import UsageError
from proxy import Proxy


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
events {{ worker_connections {self.connections * 2}; }}
http {{
  access_log {self.log} combined buffer=64k flush=1s;
  client_body_temp_path temp;
  proxy_temp_path temp;
  fastcgi_temp_path temp;
  uwsgi_temp_path temp;
  scgi_temp_path temp;
  map $http_upgrade $hop {{ default upgrade; '' ''; }}
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
      proxy_set_header Connection $hop;
      proxy_set_header Upgrade $http_upgrade;
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
  maxconn {self.connections}
  no strict-limits
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
  timeout tunnel 600s
listen proxy
  bind 127.0.0.1:{self.port} backlog 4096
  bind 127.0.0.1:{self.tls_port} ssl crt {self.certificate.pair} ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.2 backlog 4096
  unique-id-format %{{+X}}o\\ %ci:%cp_%fi:%fp_%Ts_%rt:%pid
  unique-id-header X-Request-Id
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  server origin {server}
"""


class Caddy(Proxy):
    name = "caddy"
    binary = "caddy"

    def command(self):
        return ["env", "GOMAXPROCS=1", f"HOME={self.directory}", self.binary, "run", "--adapter",
                "caddyfile", "--config", self.path("config")]

    def log_of_output(self):
        return self.log

    def config(self):
        server = self.upstream.address.replace("tcp://", "").replace("unix://", "unix/")
        forward = f"""
  log {{
    output stdout
  }}
  reverse_proxy {server} {{
    flush_interval -1
    header_up X-Request-Id {{http.request.uuid}}
    transport http {{
      compression off
      keepalive 600s
      keepalive_idle_conns 256
      keepalive_idle_conns_per_host 256
    }}
  }}
"""
        return f"""
{{
  admin off
  auto_https off
  default_bind 127.0.0.1
  servers {{
    protocols h1
  }}
}}
http://:{self.port} {{{forward}}}
https://:{self.tls_port} {{
  tls {self.certificate.certificate} {self.certificate.key} {{
    protocols tls1.2 tls1.2
  }}{forward}}}
"""


class Go(Proxy):
    """What a Go program has that uses net/http/httputil as its documentation shows: go_proxy/main.go."""

    name = "go"
    binary = "build/bench/go-proxy"

    @classmethod
    def require(cls):
        if shutil.which("go") is None:
            raise UsageError("go is not installed; install it with: scripts/deps bench-more")
        source = os.path.join(os.path.dirname(os.path.realpath(__file__)), "go_proxy", "main.go")
        environment = {**os.environ, "GO111MODULE": "off", "GOFLAGS": "",
                       "GOCACHE": os.path.realpath("build/bench/go-cache")}
        os.makedirs(os.path.dirname(cls.binary), exist_ok=True)
        built = subprocess.run(["go", "build", "-ldflags=-s -w", "-o", cls.binary, source],
                               env=environment, capture_output=True, text=True, check=False)
        if built.returncode != 0:
            raise UsageError(f"go_proxy does not build: {built.stderr.strip()[-300:]}")

    def command(self):
        return ["env", "GOMAXPROCS=1", self.binary, "-listen", f"127.0.0.1:{self.port}",
                "-listen-tls", f"127.0.0.1:{self.tls_port}",
                "-cert", self.certificate.certificate, "-key", self.certificate.key,
                "-upstream", self.upstream.address]

    def log_of_output(self):
        return self.log


MAIN = (Nginx, Haproxy)
# Measured where they are installed; where one is not, the bench says so.
MORE = (Caddy, Go)


def installed(kind):
    return shutil.which("go" if kind is Go else kind.binary) is not None


def versions(names):
    """What was measured, as each says itself."""
    asks = {"nginx": ["nginx", "-v"], "haproxy": ["haproxy", "-v"], "caddy": ["caddy", "version"],
            "go": ["go", "version"], "becaused": [Becaused.binary, "version"]}
    said = {}
    for name in names:
        if name in asks:
            answer = subprocess.run(asks[name], capture_output=True, text=True, timeout=10,
                                    check=False)
            said[name] = ((answer.stdout + answer.stderr).splitlines() or ["unknown"])[0]
    return said
