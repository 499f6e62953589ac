"""A file that a command writes: for this user alone, and never in the place of another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from katana_woo_sync.config.files import may_replace, replacing


def refuse_other(path: Path, mark: str) -> None:
    """End the program where a file stands there that does not begin with the mark."""
    with failure_in_words(path):
        if not may_replace(path, mark):
            raise click.UsageError(
                f"{path} holds something else, and was left as it is; name another file."
            )


@contextmanager
def own_file(path: Path, mark: str) -> Iterator[IO[str]]:
    """A file to write, which begins with the mark; it takes its place whole. Ends the program where
    another stands there, or it cannot be written."""
    refuse_other(path, mark)
    with failure_in_words(path), replacing(path, errors="replace") as file:
        yield file


@contextmanager
def failure_in_words(path: Path) -> Iterator[None]:
    """End the program, in words, where the file cannot be read or written."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise click.UsageError(f"{path} could not be written: {reason}") from None
