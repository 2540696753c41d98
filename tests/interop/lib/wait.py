"""Waiting for conditions with a deadline. Nothing in the tests sleeps for a fixed time."""

import os
import time


class Expired(AssertionError):
    """A condition did not come about before its deadline."""


def patience():
    return float(os.environ.get("HELIOSTAT_TEST_PATIENCE", "1"))


def until(condition, seconds, what, detail=None):
    """Calls `condition` until it returns something true, and returns that.

    `what` names the condition in the error text; `detail` (a function) adds what was found instead.
    The deadline guards against a hang; no test judges how long a thing took.
    """
    deadline = time.monotonic() + seconds * patience()
    pause = 0.02
    while True:
        late = time.monotonic() >= deadline
        found = condition()
        if found:
            return found
        if late:
            text = f"waited {seconds} s in vain for {what}"
            if detail:
                text += f"; found {detail()}"
            raise Expired(text)
        time.sleep(pause)
        pause = min(pause * 1.5, 0.3)


def still(sample, seconds, what, deadline=120):
    """Waits until `sample()` keeps one value for `seconds`, and returns that value."""
    end = time.monotonic() + deadline * patience()
    value = sample()
    since = time.monotonic()
    while time.monotonic() - since < seconds:
        if time.monotonic() > end:
            raise Expired(f"{what} did not stand still for {seconds} s within {deadline} s")
        time.sleep(0.2)
        found = sample()
        if found != value:
            value, since = found, time.monotonic()
    return value
