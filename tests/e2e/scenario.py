"""A scenario is a function whose name is a claim, run once per client where clients matter."""

import functools
import itertools
import os
import shutil
from collections import Counter
from contextlib import ExitStack

from clients import User
from dockerd import Dockerd
from front import Direct, Front
from guard import KINDS, Guard
from pki import Pki
from records import by_client, exchanges, path_of
from registry import Registry, Relay
from waiting import check

ALL = []


class Claim:
    def __init__(self, function, clients, slow, buildkit, proxied_only, since, over, profile,
                 static_only):
        self.function, self.clients, self.slow = function, clients, slow
        self.buildkit, self.proxied_only, self.since = buildkit, proxied_only, since
        self.over, self.profile, self.static_only = over, profile, static_only
        self.name = function.__name__
        self.module = function.__module__.removeprefix("scenarios_")


def claim(clients="each", slow=False, buildkit=False, proxied_only=False, since=0,
          over=("plain",), profile="builder", static_only=False):
    """Registers a scenario.

    clients: "each" runs it once with every client found, "none" once without one.
    slow: spends most of its time waiting; started first, beside all others.
    buildkit: needs a client that can build with BuildKit.
    since: the first major version of the client that can do it.
    proxied_only: has no meaning without becaused.
    over: what clients speak with becaused, "plain", "tls" or "guarded"; one run for each. With --tls,
    every scenario runs over TLS; with --guarded, over TLS with credentials and a profile.
    profile: the one that lets it work.
    static_only: needs the static binary.
    """
    def register(function):
        ALL.append(Claim(function, clients, slow, buildkit, proxied_only, since, over, profile,
                         static_only))
        return function
    return register


def claim_with(profile):
    """`claim` for a module whose scenarios need that profile."""
    return functools.partial(claim, profile=profile)


class World:
    """What the scenarios of one run share."""

    def __init__(self, directory, binary, schema, direct, rooted=False):
        self.directory, self.binary, self.schema, self.direct = directory, binary, schema, direct
        self.rooted = rooted  # every becaused has a root of its own, with nothing else in it
        self.shared = None
        self.daemons = itertools.count()
        self.pki = self.guard = None

    def needed_by_all(self, daemon):
        """The directories outside of a case's own that its becaused reads."""
        needed = [self.pki.directory, self.guard.directory]
        return needed + ([daemon.directory] if daemon is not None else [])

    def daemon_directory(self):
        """Short, because sockets are made some levels below it, and their paths must fit in 104."""
        return os.path.join(self.directory, f"dockerd{next(self.daemons)}")

    def start(self):
        self.pki = Pki(os.path.join(self.directory, "pki"))
        if not self.direct:
            self.guard = Guard(self.binary, os.path.join(self.directory, "guard"), self.pki)
        self.shared = Dockerd(self.daemon_directory())
        self.shared.add_base_image()

    def stop(self):
        if self.shared is not None:
            self.shared.stop()


class Case:
    """One run of one claim: what it starts belongs to it and is stopped with it."""

    def __init__(self, world, directory, run, number=0):
        self.world, self.cli = world, run.cli
        self.pki = None if run.over == "plain" else world.pki
        self.options, self.badge = ["--profile", "any"], self.pki
        if run.over == "tls":
            self.options += self.pki.options()
        elif run.over == "guarded":
            self.options = world.guard.options(run.claim.profile)
            self.badge = world.guard.badge(KINDS[number % len(KINDS)])
        self.directory = directory
        self.tag = os.path.basename(directory)  # unique: names containers and images
        self.proxied = not world.direct
        self.shared = world.shared
        self.fronts = []
        self.own_daemons = []
        self.cleanup = ExitStack()
        os.makedirs(directory)

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    # Things to start.

    def dockerd(self, base=True):
        """A daemon of its own, for scenarios that hurt it."""
        daemon = Dockerd(self.world.daemon_directory())
        self.cleanup.callback(daemon.stop)
        self.own_daemons.append(daemon)
        if base:
            daemon.add_base_image()
        return daemon

    def front(self, upstream, clocks=(), options=()):
        """becaused before a daemon, or before an upstream given by its address."""
        daemon = None if isinstance(upstream, str) else upstream
        address = upstream if daemon is None else daemon.upstream
        if self.world.direct:
            made = Direct(address)
        else:
            made = Front(self.world.binary, self.directory, address, clocks,
                         f"becaused{len(self.fronts)}", self.world.schema, self.badge,
                         self.pki and self.pki.context(), [*self.options, *options],
                         self.world.needed_by_all(daemon) if self.world.rooted else None)
            made.daemon = daemon
        self.cleanup.callback(made.stop)
        self.fronts.append(made)
        return made

    def user(self, front, cli=None):
        number = len(os.listdir(self.directory))
        return User(cli or self.cli, front.host, self.path(f"home{number}"), front.pki)

    def detached(self, user, *arguments):
        """`docker run -d`. The client asks to wait for the container's end and then leaves without
        hearing of it: its own doing, and on record as that."""
        for front in self.fronts:
            front.tolerate(**by_client("POST", r"/containers/[^/]+/wait$", "response_body"))
        user.run("run", "-d", "--network", "none", *arguments).ok()

    def started(self, running):
        """Ties a client in the background to this case."""
        self.cleanup.callback(running.stop)
        return running

    def slow_registry(self, bytes_per_second):
        registry = Registry(self.path(f"registry{len(os.listdir(self.directory))}"))
        self.cleanup.callback(registry.stop)
        relay = Relay(registry.port, bytes_per_second)
        self.cleanup.callback(relay.stop)
        return registry, relay

    def closing(self, thing):
        """Has stop() called at the end."""
        self.cleanup.callback(thing.stop)
        return thing

    # The end.

    def finish(self):
        """The verdicts that every scenario has in common."""
        for front in self.fronts:
            front.finish()
        self.count_records()
        if self.proxied:
            for daemon in self.own_daemons:
                check_every_request_is_on_record(daemon)

    def count_records(self):
        """Tells each daemon which of its requests are on record; once for each front."""
        for front in self.fronts:
            daemon, front.daemon = front.daemon, None
            if daemon is not None:
                daemon.note_recorded(*requests_that_reached_upstream(front.records()))

    def close(self, keep):
        self.cleanup.close()
        self.count_records()  # of a scenario that failed before it finished
        if not keep:
            shutil.rmtree(self.directory, ignore_errors=True)


def requests_that_reached_upstream(found):
    """(those that surely did, those that died unanswered: a stopped or killed dockerd may have
    taken them or not), each a Counter of (method, path)."""
    sure, maybe = Counter(), Counter()
    for each in exchanges(found):
        if each.get("upstream_id") is None or each.get("phase") == "connect":
            continue
        unanswered = each["class"] != "clean" and each["phase"] == "first_byte"
        (maybe if unanswered else sure)[(each.get("method"), path_of(each))] += 1
    return sure, maybe


def check_every_request_is_on_record(daemon):
    """dockerd's own log of what it was asked, against the exchange records of every becaused
    before it: the same requests, the same number of times."""
    asked = daemon.calls()
    missing, surplus = asked - daemon.recorded - daemon.maybe_asked, daemon.recorded - asked
    check(not missing, lambda: f"dockerd was asked, but no exchange is on record: {dict(missing)}")
    check(not surplus, lambda: f"on record, but dockerd never saw it: {dict(surplus)}")
