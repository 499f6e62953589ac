"""The loop of `run`: jobs start at once, one instance each; missed runs are made up for by one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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
    jobs: Mapping[str, tuple[Callable[[], None], timedelta]], *, since: timedelta = timedelta(0)
) -> Iterator[BackgroundScheduler]:
    """The loop with these jobs, as if it had been due since so long."""
    scheduler = start_schedule(jobs, now=now() - since)
    try:
        yield scheduler
    finally:
        scheduler.shutdown()


def next_run(scheduler: BackgroundScheduler, name: str) -> datetime:
    found = scheduler.get_job(name).next_run_time
    assert isinstance(found, datetime)
    return found


def after_the_first_run(scheduler: BackgroundScheduler, name: str) -> datetime:
    """When a job that began at once comes again."""
    deadline = time.monotonic() + WAIT
    while next_run(scheduler, name) <= now() and time.monotonic() < deadline:
        time.sleep(0.005)
    return next_run(scheduler, name)


def test_every_job_starts_at_once() -> None:
    began = {name: threading.Event() for name in ("orders", "sweep")}
    with running({name: (event.set, HOUR) for name, event in began.items()}):
        assert all(event.wait(WAIT) for event in began.values())


def test_a_job_comes_again_at_its_interval_give_or_take_a_tenth() -> None:
    with running({"orders": (lambda: None, HOUR)}) as scheduler:
        again = after_the_first_run(scheduler, "orders") - now()
    assert timedelta(minutes=53) < again < timedelta(minutes=67)


def test_jobs_that_began_together_come_again_apart() -> None:
    names = [str(n) for n in range(6)]
    with running({name: (lambda: None, HOUR) for name in names}) as scheduler:
        again = [after_the_first_run(scheduler, name) for name in names]
    assert max(again) - min(again) > timedelta(seconds=10)


def test_short_intervals_run_again_and_again() -> None:
    ran = threading.Semaphore(0)
    with running({"orders": (ran.release, timedelta(milliseconds=20))}):
        assert ran.acquire(timeout=WAIT)
        assert ran.acquire(timeout=WAIT)


def test_a_long_job_holds_up_no_other() -> None:
    release, other = threading.Event(), threading.Event()

    def long() -> None:
        release.wait(WAIT)

    with running({"orders": (long, HOUR), "sweep": (other.set, HOUR)}):
        assert other.wait(WAIT / 3)
        release.set()


def test_a_job_never_runs_twice_at_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL", "apscheduler")
    began, release = threading.Semaphore(0), threading.Event()

    def long() -> None:
        began.release()
        release.wait(WAIT)

    # a second job, so that a second thread would be free
    with running({"orders": (long, HOUR), "sweep": (lambda: None, HOUR)}) as scheduler:
        assert began.acquire(timeout=WAIT)
        for _ in range(3):
            scheduler.modify_job("orders", next_run_time=now())
            assert not began.acquire(timeout=0.05)
        release.set()


def test_missed_runs_are_made_up_for_by_one() -> None:
    ran = threading.Semaphore(0)
    with running(
        {"orders": (ran.release, timedelta(minutes=5))}, since=24 * HOUR + timedelta(minutes=2)
    ) as scheduler:
        assert ran.acquire(timeout=WAIT)
        assert after_the_first_run(scheduler, "orders") > now()
        assert not ran.acquire(timeout=0.1)


def test_a_job_that_fails_comes_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL", "apscheduler")
    failed = threading.Event()

    def fail() -> None:
        failed.set()
        raise OSError("the disk is full")

    with running({"orders": (fail, HOUR)}) as scheduler:
        assert failed.wait(WAIT)
        assert after_the_first_run(scheduler, "orders") > now()


def test_shutting_down_waits_for_the_job_in_hand() -> None:
    began, done = threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        time.sleep(0.05)
        done.set()

    with running({"orders": (work, HOUR)}):
        assert began.wait(WAIT)
    assert done.is_set()
