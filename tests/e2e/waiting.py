"""Bounded waits. Nothing in these tests waits without a limit, nor sleeps where it can watch."""

import time


class Failure(AssertionError):
    """A claim that did not hold; its text is what the runner prints."""


def check(condition, message):
    if not condition:
        raise Failure(message() if callable(message) else message)


def until(what, seconds, probe, interval=0.02):
    """Returns probe()'s first true answer, or fails naming what never came.

    For events that have no handle to wait on: a line in another program's file, an entry in /proc.
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise Failure(f"waited {seconds:g} s in vain for {what}")
        time.sleep(interval)
