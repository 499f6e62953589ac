"""The APScheduler loop of `run`: one job."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

JITTER_SHARE = 0.1
"""So that many accounts on one machine, and many shops on one host, don't all start at once."""


def start_schedule(
    work: Callable[[], None], interval: timedelta, *, now: datetime
) -> BackgroundScheduler:
    """Start the loop: `work` at once, then at its interval with jitter, one at a time.

    Turns that were missed while one took long, or while the machine slept, are made up for by one.
    """
    seconds = interval.total_seconds()
    scheduler = BackgroundScheduler(
        timezone=UTC,
        executors={"default": ThreadPoolExecutor(max_workers=1)},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    scheduler.add_job(
        work,
        "interval",
        id="cycle",
        seconds=seconds,
        jitter=max(1, int(seconds * JITTER_SHARE)),
        next_run_time=now,
    )
    scheduler.start()
    return scheduler
