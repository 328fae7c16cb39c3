"""The clock itself: it calls its jobs again and again, and the failure of one keeps no other from its turn."""

from __future__ import annotations

import threading
from contextlib import closing
from datetime import timedelta

import pytest

from bot.scheduler import Scheduler


def test_every_job_has_its_turn_again_and_again(caplog: pytest.LogCaptureFixture) -> None:
    turns = threading.Semaphore(0)

    def fails() -> None:
        raise ValueError("no luck")

    with closing(Scheduler(every=timedelta(milliseconds=20), jobs=[fails, turns.release])) as scheduler:
        scheduler.start()
        assert all(turns.acquire(timeout=10) for _ in range(3))

    assert "a job of the clock failed" in caplog.text


def test_closing_waits_for_the_turn_that_goes_on() -> None:
    began, done = threading.Event(), []

    def works() -> None:
        began.set()
        done.append(sum(range(100_000)))

    scheduler = Scheduler(every=timedelta(milliseconds=10), jobs=[works])
    scheduler.start()
    assert began.wait(10)
    scheduler.close()

    assert done


def test_one_that_was_never_started_can_be_closed() -> None:
    Scheduler(every=timedelta(seconds=1), jobs=[]).close()
