"""Certificates for becaused before a daemon, made with openssl for one run, laid out as Docker's
clients want them in DOCKER_CERT_PATH: ca.pem, cert.pem, key.pem."""

import os
import socket
import ssl
import subprocess


class Pki:
    headers = {}  # the certificate says it all

    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory)
        self.ca = self.path("ca.pem")
        self.server, self.server_key = self.path("server.pem"), self.path("server-key.pem")
        self.client, self.client_key = self.path("cert.pem"), self.path("key.pem")
        self._openssl("req", "-x509", *self._key(self.path("ca-key.pem")), "-out", self.ca,
                      "-subj", "/CN=becaused e2e", "-days", "2")
        self._make(self.server, self.server_key, "subjectAltName=IP:127.0.0.1", "serverAuth")
        self._make(self.client, self.client_key, "subjectAltName=DNS:client", "clientAuth")

    def path(self, name):
        return os.path.join(self.directory, name)

    @staticmethod
    def _openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, timeout=30, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @staticmethod
    def _key(path):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path]

    def _make(self, certificate, key, names, purpose):
        request, extensions = certificate + ".csr", certificate + ".ext"
        self._openssl("req", *self._key(key), "-out", request, "-subj", "/CN=becaused e2e")
        with open(extensions, "w") as out:
            out.write(f"{names}\nextendedKeyUsage={purpose}\n")
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey",
                      self.path("ca-key.pem"), "-CAcreateserial", "-extfile", extensions,
                      "-days", "2", "-out", certificate)

    def options(self):
        """What `becaused run` is told."""
        return ["--tlscert", self.server, "--tlskey", self.server_key, "--tlscacert", self.ca,
                "--tlsverify"]

    def environment(self):
        """What Docker's clients are told."""
        return {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": self.directory}

    def context(self):
        made = ssl.create_default_context(cafile=self.ca)
        made.load_cert_chain(self.client, self.client_key)
        return made


class TlsAddress(tuple):
    """(host, port) where TLS is spoken."""
    context = None

    @classmethod
    def of(cls, address, context):
        made = cls(address)
        made.context = context
        return made


class TlsSocket:
    """A connected socket's face, with TLS inside; ends its half by a close_notify without a FIN, as
    Docker's clients do."""

    def __init__(self, plain, context, name):
        self.plain = plain
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name)
        self._until_done(self.tls.do_handshake)

    def _flush(self):
        data = self.outgoing.read()
        if data:
            self.plain.sendall(data)

    def _until_done(self, step):
        while True:
            try:
                result = step()
                self._flush()
                return result
            except ssl.SSLWantReadError:
                self._flush()
                data = self.plain.recv(65536)
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()

    def sendall(self, data):
        self._until_done(lambda: self.tls.write(data) if data else None)

    def recv(self, size):
        """b"" at a close_notify; a FIN without one is an error, as it must be."""
        try:
            return self._until_done(lambda: self.tls.read(size))
        except ssl.SSLZeroReturnError:
            return b""

    def shutdown(self, how):
        if how != socket.SHUT_WR:
            self.plain.shutdown(how)
            return
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass  # the other half goes on
        self._flush()

    def close(self):
        self.plain.close()

    def __getattr__(self, name):
        return getattr(self.plain, name)
