"""Asking one thing after the other: what goes wrong with one is a finding, and the rest goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct, field

from katana_woo_sync.clients.errors import (
    NotTheApi,
    ServiceError,
    Unavailable,
    UnknownOutcome,
    Unreachable,
)
from katana_woo_sync.clients.redact import one_line
from katana_woo_sync.clients.throttle import Cancelled
from katana_woo_sync.domain.checks import Cause, Finding, error, warning
from katana_woo_sync.sync.context import log

T = TypeVar("T")


class Findings(Struct):
    """The findings about one place, in the order in which they were made."""

    where: str
    found: list[Finding] = field(default_factory=list)

    def add(self, *findings: Finding | None) -> None:
        """Add what was found."""
        self.found += [finding for finding in findings if finding is not None]

    def ask(self, tested: str, ask: Callable[[], T]) -> T | None:
        """What is answered; None, with a finding that says why, where nothing is."""
        try:
            return ask()
        except Cancelled:
            raise
        except ServiceError as refused:
            self.add(refusal(self.where, tested, refused))
        except Exception as unexpected:  # noqa: BLE001 (each thing is tested for itself)
            log.debug("%s: %s", self.where, tested, exc_info=unexpected)
            said = f"{type(unexpected).__name__}: {one_line(str(unexpected))}"
            remedy = "Run check again with -v, and report what it shows"
            self.add(error(self.where, tested, f"something unexpected went wrong: {said}", remedy))
        return None


def refusal(where: str, tested: str, refused: ServiceError) -> Finding:
    """The finding that a failed request is."""
    found = f"{refused.reason} ({refused.action})"
    if isinstance(refused, UnknownOutcome):
        return warning(where, tested, f"could not be told: {found}", "Run check again")
    remedy = refused.remedy or "Run check again later"
    return error(where, tested, found, remedy, _cause(refused))


def _cause(refused: ServiceError) -> Cause:
    """What the failure waits for. A page in the place of the API, or a certificate that is not
    trusted, does not go away by itself, although a cycle tries again."""
    stays = isinstance(refused, Unreachable) and not refused.passing
    if stays or isinstance(refused, NotTheApi):
        return Cause.PERSON
    return Cause.LATER if isinstance(refused, Unavailable) else Cause.CONFIG
