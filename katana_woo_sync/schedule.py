"""The APScheduler loop of `run`: orders, sweep and stock, each on its own schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

JITTER_SHARE = 0.1
"""So that many accounts on one machine, and many shops on one host, don't all start at once."""


def start_schedule(
    jobs: Mapping[str, tuple[Callable[[], None], timedelta]], *, now: datetime
) -> BackgroundScheduler:
    """Start the loop: each job at once, then at its interval with jitter, one instance of each.

    Runs that were missed while one took long, or while the machine slept, are made up for by one.
    """
    scheduler = BackgroundScheduler(
        timezone=UTC,
        executors={"default": ThreadPoolExecutor(max_workers=len(jobs))},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    for name, (work, interval) in jobs.items():
        seconds = interval.total_seconds()
        scheduler.add_job(
            work,
            "interval",
            id=name,
            seconds=seconds,
            jitter=max(1, int(seconds * JITTER_SHARE)),
            next_run_time=now,
        )
    scheduler.start()
    return scheduler
