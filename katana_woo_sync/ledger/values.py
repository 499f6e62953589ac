"""How values are kept in the ledger: times as ISO 8601 in UTC, amounts as decimal text."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal


def time_text(moment: datetime | None) -> str | None:
    """An aware time as fixed-width UTC text, which sorts as the times do."""
    if moment is None:
        return None
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    # not strftime: it writes the years before 1000 with fewer digits
    return f"{utc.isoformat(timespec='microseconds').removesuffix('+00:00')}Z"


def read_time(text: object) -> datetime | None:
    """The time that `time_text` wrote."""
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None


def amount_text(amount: Decimal | None) -> str | None:
    """An amount as decimal text with every digit."""
    return None if amount is None else f"{amount:f}"


def read_amount(text: object) -> Decimal | None:
    """The amount that `amount_text` wrote."""
    return Decimal(text) if isinstance(text, str) and text else None
