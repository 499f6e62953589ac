"""The loop: jobs start at once, one instance of each, and missed runs are made up for by one."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

from katana_woo_sync.schedule import start_schedule

PATIENCE = 5.0


def now() -> datetime:
    return datetime.now(UTC)


def test_every_job_starts_at_once() -> None:
    orders, sweep = threading.Event(), threading.Event()
    jobs = {"orders": (orders.set, timedelta(hours=1)), "sweep": (sweep.set, timedelta(hours=24))}
    scheduler = start_schedule(jobs, now=now())
    try:
        assert orders.wait(PATIENCE)
        assert sweep.wait(PATIENCE)
    finally:
        scheduler.shutdown(wait=True)


def test_a_job_that_takes_long_has_one_instance_and_holds_up_no_other() -> None:
    running, most, others = threading.Semaphore(1), [0], [0]
    release = threading.Event()

    def slow() -> None:
        most[0] += 1
        assert running.acquire(blocking=False), "two at once"
        release.wait(PATIENCE)
        running.release()

    def quick() -> None:
        others[0] += 1

    second = timedelta(seconds=1)
    scheduler = start_schedule({"orders": (slow, second), "sweep": (quick, second)}, now=now())
    try:
        until = time.monotonic() + PATIENCE
        while others[0] < 2 and time.monotonic() < until:
            time.sleep(0.05)
        assert others[0] >= 2
        assert most[0] == 1
    finally:
        release.set()
        scheduler.shutdown(wait=True)


def test_missed_runs_are_made_up_for_by_one() -> None:
    ran = threading.Event()
    hour = timedelta(hours=1)
    scheduler = start_schedule({"orders": (ran.set, hour)}, now=now() - 5 * hour)
    try:
        assert ran.wait(PATIENCE)
        job = scheduler.get_job("orders")
        assert job.coalesce
        assert job.max_instances == 1
        assert job.next_run_time > now()
    finally:
        scheduler.shutdown(wait=True)
