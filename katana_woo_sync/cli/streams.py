"""Standard output and standard error that may be full, closed, or read by nobody any more.

None of that stops the work: what cannot be printed is left out, told at the end, and seen in the
exit code.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class Stream(io.FileIO):
    """One of them; `lost` is why something could not be printed, None where all was."""

    lost: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        """Write, or leave it out."""
        try:
            return super().write(data)
        except OSError as error:
            self.lost = error
            return len(memoryview(data).cast("B"))


def open_streams() -> Stream:
    """Put such streams in the place of Python's; returns standard output's.

    A descriptor that is closed is opened first: the next file to be opened, such as the ledger,
    would get its number, and be written to by whatever prints.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # read-only: whatever is written there is lost as it was
            os.open(os.devnull, os.O_RDONLY)
    output, errors = Stream(1, "w", closefd=False), Stream(2, "w", closefd=False)
    sys.stdout = _text(output, sys.stdout, "strict")
    sys.stderr = _text(errors, sys.stderr, "backslashreplace")
    return output


def _text(stream: Stream, before: TextIO | None, on_errors: str) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(stream),
        encoding=before.encoding if before is not None else "utf-8",
        errors=(before.errors if before is not None else None) or on_errors,
        line_buffering=before is None or bool(before.line_buffering),
    )


def tell(output: Stream) -> bool:
    """Say on standard error what could not be printed, if anything; returns whether all was.

    A person who leaves a pager or `head` on a terminal knows.
    """
    sys.stdout.flush()
    if output.lost is None:
        return True
    if output.lost.errno != errno.EPIPE or not sys.stderr.isatty():
        why = "it is closed" if output.lost.errno == errno.EBADF else output.lost.strerror
        sys.stderr.write(
            f"Standard output could not be written ({why}): the rest of it is lost. The command "
            "did its work all the same.\n"
        )
    return False
