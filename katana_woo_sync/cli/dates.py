"""Dates as options of commands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import click

from katana_woo_sync.cli.program import utc_now
from katana_woo_sync.domain.dates import read_past

Read = Callable[[str, datetime], datetime]


class Date(click.ParamType[datetime]):
    """A date as people type it, as UTC; `read` makes one of the text and of the time now, or raises
    `ValueError`."""

    name = "DATE"

    def __init__(self, read: Read = read_past) -> None:
        self._read = read

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read it; what it may mean besides, or what it is not, is said."""
        try:
            return self._read(str(value), utc_now())
        except ValueError as error:
            self.fail(str(error), param, ctx)
