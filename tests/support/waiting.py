"""Waiting for what happens soon, instead of sleeping for as long as it might take."""

import time

# How late a busy machine may make an answer, in seconds, beyond what mxwardend waits for.
MARGIN = 0.1

# For what takes as long as it takes.
PATIENCE = 15


def until(condition, what, seconds=PATIENCE):
    """The first true value of condition(); fails when it takes too long."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(0.02)
