"""The loop of `run`: its job starts at once, never twice at a time; missed turns are made up for by
one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.schedulers.background import BackgroundScheduler

from katana_woo_sync.schedule import start_schedule

WAIT = 3.0
HOUR = timedelta(hours=1)


def now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def running(
    work: Callable[[], None], interval: timedelta = HOUR, *, since: timedelta = timedelta(0)
) -> Iterator[BackgroundScheduler]:
    """The loop with this job, as if it had been due since so long."""
    scheduler = start_schedule(work, interval, now=now() - since)
    try:
        yield scheduler
    finally:
        scheduler.shutdown()


def next_run(scheduler: BackgroundScheduler) -> datetime:
    (job,) = scheduler.get_jobs()
    found = job.next_run_time
    assert isinstance(found, datetime)
    return found


def after_the_first_run(scheduler: BackgroundScheduler) -> datetime:
    """When a job that began at once comes again."""
    deadline = time.monotonic() + WAIT
    while next_run(scheduler) <= now() and time.monotonic() < deadline:
        time.sleep(0.005)
    return next_run(scheduler)


def test_the_job_starts_at_once() -> None:
    began = threading.Event()
    with running(began.set):
        assert began.wait(WAIT)


def test_it_comes_again_at_its_interval_give_or_take_a_tenth() -> None:
    with running(lambda: None) as scheduler:
        again = after_the_first_run(scheduler) - now()
    assert timedelta(minutes=53) < again < timedelta(minutes=67)


def test_accounts_that_began_together_come_again_apart() -> None:
    with ExitStack() as stack:
        accounts = [stack.enter_context(running(lambda: None)) for _ in range(6)]
        again = [after_the_first_run(each) for each in accounts]
    assert max(again) - min(again) > timedelta(seconds=10)


def test_short_intervals_run_again_and_again() -> None:
    ran = threading.Semaphore(0)
    with running(ran.release, timedelta(milliseconds=20)):
        assert ran.acquire(timeout=WAIT)
        assert ran.acquire(timeout=WAIT)


def test_the_job_never_runs_twice_at_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL", "apscheduler")
    began, release = threading.Semaphore(0), threading.Event()

    def long() -> None:
        began.release()
        release.wait(WAIT)

    with running(long) as scheduler:
        assert began.acquire(timeout=WAIT)
        for _ in range(3):
            (job,) = scheduler.get_jobs()
            job.modify(next_run_time=now())
            assert not began.acquire(timeout=0.05)
        release.set()


def test_missed_runs_are_made_up_for_by_one() -> None:
    ran = threading.Semaphore(0)
    with running(
        ran.release, timedelta(minutes=5), since=24 * HOUR + timedelta(minutes=2)
    ) as scheduler:
        assert ran.acquire(timeout=WAIT)
        assert after_the_first_run(scheduler) > now()
        assert not ran.acquire(timeout=0.1)


def test_a_job_that_fails_comes_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL", "apscheduler")
    failed = threading.Event()

    def fail() -> None:
        failed.set()
        raise OSError("the disk is full")

    with running(fail) as scheduler:
        assert failed.wait(WAIT)
        assert after_the_first_run(scheduler) > now()


def test_shutting_down_waits_for_the_job_in_hand() -> None:
    began, done = threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        time.sleep(0.05)
        done.set()

    with running(work):
        assert began.wait(WAIT)
    assert done.is_set()
