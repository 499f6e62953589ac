"""What the status page shows. Times are aware; texts are data and may hold anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from msgspec import Struct


class Happened(Struct, frozen=True):
    """A line of an order's story."""

    at: datetime | None
    words: str


class OrderShown(Struct, frozen=True, kw_only=True):
    """An order in the list, or in want of a person. `total` is with tax, in `currency`; the links
    lead to the order in the shop and, where it is there, in Katana. `next` is what the program
    does next with it, `story` what happened to it, oldest first."""

    store: str
    order_id: int
    number: str
    created: datetime | None
    total: Decimal
    currency: str
    state: str
    reason: str
    sentence: str
    in_katana_as: str
    shop_status: str
    katana_status: str
    shop_link: str
    katana_link: str | None
    next_attempt_at: datetime | None = None
    next: str = ""
    story: Sequence[Happened] = ()

    @property
    def place(self) -> str:
        """What the address of the page names it by."""
        return f"{self.store}-{self.order_id}"


class ProblemGroup(Struct, frozen=True):
    """The orders with the same problem: what is so, and what to do. One that `is_tried_again` is
    tried again without anybody, and comes to need a person only where that does not help."""

    reason: str
    sentence: str
    remedy: str
    orders: Sequence[OrderShown]
    is_tried_again: bool = False


class Trouble(Struct, frozen=True):
    """What stops more than an order: a store or Katana (`who`) that cannot be worked, and why."""

    who: str
    text: str


class StoreShown(Struct, frozen=True, kw_only=True):
    """A store at a glance."""

    name: str
    identity: str
    last_success_at: datetime | None
    oldest_waiting: datetime | None
    """When the oldest order was placed that waits for its import."""
    stock_as_of: datetime | None
    """When the shop's stock was last made Katana's; None where it is not synced."""
    waiting: int
    open_in_katana: int
    done: int
    problems: int
    next: str
    """What the next cycle does with it."""


class Series(Struct, frozen=True):
    """A value for each day of a plot, of a store or of everything."""

    name: str
    values: Sequence[float]


class Plot(Struct, frozen=True, kw_only=True):
    """Bars for each day. Series are stacked, or with `overlaid` drawn over each other, the largest
    first. `unit` "minutes" has a logarithmic scale: one outage must not flatten all other days."""

    title: str
    caption: str
    days: Sequence[date]
    series: Sequence[Series]
    unit: Literal["count", "minutes"] = "count"
    overlaid: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(value for series in self.series for value in series.values)


class Page(Struct, frozen=True, kw_only=True):
    """The whole page."""

    made_at: datetime
    version: str
    zone: str
    troubles: Sequence[Trouble]
    problems: Sequence[ProblemGroup]
    stores: Sequence[StoreShown]
    plots: Sequence[Plot]
    orders: Sequence[OrderShown]
    """The newest, newest first."""
    known: int
    """How many orders there are."""
    reasons: Mapping[str, str]
    """The sentence of each reason that an order in `orders` has."""

    @property
    def problem_count(self) -> int:
        """How many orders need a person."""
        return sum(len(group.orders) for group in self.for_people)

    @property
    def for_people(self) -> list[ProblemGroup]:
        """What needs a person."""
        return [group for group in self.problems if not group.is_tried_again]

    @property
    def tried_again(self) -> list[ProblemGroup]:
        """What is tried again by itself."""
        return [group for group in self.problems if group.is_tried_again]
