"""What a client talks to: becaused before an upstream, or, with --direct, the upstream itself."""

import json
import os
import re
import signal
import subprocess

import empty_root
import records
from pki import TlsAddress
from processes import Service, clean_environment, free_port
from waiting import Failure, check, until


class Front:
    """One becaused with a records file of its own, so that a scenario's records are all there are.

    Scenarios say with expect_end() which abnormal ends must be on record; finish() stops becaused
    and compares. Everything not expected must have ended clean.
    """

    def __init__(self, binary, directory, upstream, clocks=(), name="becaused", schema=None,
                 pki=None, context=None, options=("--profile", "any"), rooted=None):
        os.makedirs(directory, exist_ok=True)
        self.binary = binary
        self.upstream = upstream
        self.schema = schema
        self.pki = pki  # what clients must show; None: it speaks plainly
        self.rooted = rooted  # directories that it may read, with an empty root; None: the machine's
        self.records_path = os.path.join(directory, name + ".records")
        self.daemon = None  # whose count of requests these records must equal
        self.expected = []
        self.tolerated = []
        self.loose_connections = set()  # reasons that connections without a failed exchange may say
        self.finished = False
        self.lives = 1
        self.name, self.directory = name, directory
        self.options = [*options, "--admin", "tcp://127.0.0.1:0"]
        for clock in clocks:
            self.options += ["--clock", clock]
        for attempt in range(3):
            self.port = free_port()
            try:
                self._start()
                break
            except Failure:
                self.service.stop(2)
                taken = "in use" in self.service.log_tail(1)  # another program was quicker
                if attempt == 2 or not taken:
                    raise
        self.host = f"tcp://127.0.0.1:{self.port}"
        self.address = ("127.0.0.1", self.port)
        if context is not None:
            self.address = TlsAddress.of(self.address, context)

    def _start(self):
        arguments = ["run", "--listen", f"tcp://127.0.0.1:{self.port}", "--upstream",
                     self.upstream, "--records", self.records_path, *self.options]
        command = [self.binary, *arguments]
        if self.rooted is not None:
            command = empty_root.inside(os.path.join(self.directory, self.name + ".root"),
                                        self.binary, arguments, [self.directory], self.rooted)
        self.service = Service(self.name, command, self.directory)
        self.service.until_ready(10, lambda: "ready" in self.service.log())

    def kill_and_start_again(self):
        """kill -9, and the next start with the same settings. Needs --state."""
        self.service.signal(signal.SIGKILL)
        check(self.service.wait(10) is not None, "it did not die of SIGKILL")
        self.lives += 1
        self.name += "-again"
        self._start()

    def records(self):
        return records.read(self.records_path)

    def exchanges(self, method=None, path=None):
        return records.exchanges(self.records(), method, path)

    def until_exchange(self, method, path, seconds=30, **fields):
        """The first exchange record that matches; fails when none is filed in time."""
        def probe():
            for record in self.exchanges(method, path):
                if all(record.get(key) == value for key, value in fields.items()):
                    return record
            return None
        return until(f"the record of {method} {path} {fields or ''}", seconds, probe)

    def until_said(self, text, seconds=20):
        """Waits for a line of becaused's own."""
        until(f"becaused says {text!r}", seconds, lambda: text in self.service.log())

    def expect_end(self, **fields):
        """An abnormal exchange that must be on record, once if not said otherwise; see
        records.Expected."""
        expected = records.Expected(**fields)
        self.expected.append(expected)
        return expected

    def tolerate(self, **fields):
        """An abnormal exchange that may be on record, any number of times: what the client asks
        after the fault differs from client to client, and is not the cause."""
        self.tolerated.append(records.Expected(**fields))

    def tolerate_connections(self, *reasons):
        """What a connection may say although no exchange of it failed."""
        self.loose_connections.update(reasons)

    def why(self, *arguments):
        """What `becaused why` prints of this front's records."""
        shown = subprocess.run([self.binary, "why", *arguments, self.records_path], text=True, timeout=20,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, env=clean_environment(COLUMNS="200"))
        check(shown.returncode == 0, f"becaused why ended with {shown.returncode}: {shown.stdout}")
        return shown.stdout

    def ask(self, *command):
        """Asks the living process: what a command prints, its exit code."""
        said = re.findall(r"operators ask at (\S+)", self.service.log())
        done = subprocess.run([self.binary, *command, "--admin", said[-1]], text=True, timeout=20,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env=clean_environment())
        return done.stdout, done.returncode

    def live(self):
        """What `becaused why --live` prints."""
        text, code = self.ask("why", "--live")
        check(code == 0, f"becaused why --live ended with {code}: {text}")
        return text

    def live_lines(self):
        """The same as `--json` gives it."""
        text, code = self.ask("why", "--live", "--json")
        check(code == 0, f"becaused why --live --json ended with {code}: {text}")
        lines = [json.loads(line) for line in text.splitlines()]
        for line in lines if self.schema is not None else ():
            problems = self.schema.problems(line)
            check(not problems, lambda: f"a line breaks the schema: {problems[:3]}\n    {line}")
        return lines

    def kill(self, method, path):
        """Ends the one open exchange that matches with `becaused kill`; returns its line as it was."""
        found = [line for line in self.live_lines() if line["kind"] == "exchange" and
                 line["method"] == method and re.search(path, records.path_of(line))]
        check(len(found) == 1, lambda: f"one open {method} {path} was expected:\n{self.live()}")
        text, code = self.ask("kill", found[0]["id"])
        check(code == 0 and text.startswith(f"Ended {found[0]['id']}: {method} "),
              f"becaused kill ended with {code}: {text}")
        return found[0]

    def finish(self, already_ended=False):
        """SIGTERM; exit code 0; then the records, whole. already_ended: the test has ended it."""
        if self.finished:
            return
        self.finished = True
        if not already_ended:
            self._end()
        found = self.records()
        records.check_whole(found, self.schema, self.lives)
        records.check_ends(found, self.expected, self.tolerated, self.loose_connections)

    def _end(self):
        check(self.service.alive(), lambda: "becaused died before it was told to: exit "
              f"{self.service.process.returncode}\n{self.service.log_tail(30)}")
        self.service.signal(signal.SIGTERM)
        code = self.service.wait(40)
        if code is None:
            self.service.process.kill()
        check(code == 0, lambda: f"becaused ended with {code} after SIGTERM\n"
              f"{self.service.log_tail(30)}")

    def stop(self):
        self.service.stop(2)


class Direct:
    """The same face with nothing in between: validates the harness, and shows what dockerd does."""

    daemon = None
    pki = None

    def __init__(self, upstream):
        self.host = self.upstream = upstream
        kind, _, rest = upstream.partition("://")
        if kind == "unix":
            self.address = rest
        else:
            host, _, port = rest.rpartition(":")
            self.address = (host, int(port))

    def until_said(self, text, seconds=20):
        """Waits for a line of becaused's own."""
        until(f"becaused says {text!r}", seconds, lambda: text in self.service.log())

    def expect_end(self, **fields):
        return records.Expected(**fields)

    def tolerate(self, **fields):
        pass

    def tolerate_connections(self, *reasons):
        pass

    def finish(self):
        pass

    def stop(self):
        pass
