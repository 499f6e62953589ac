"""The list of orders as HTML. There may be thousands: each is a few hundred bytes, made without the
template, and what the browser does not show it need not lay out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from markupsafe import Markup
from msgspec import Struct

from katana_woo_sync.report.text import harmless, moment, money, words
from katana_woo_sync.report.values import Happened, OrderShown

MOST_LINES = 30
"""Lines of a story that are shown, the newest."""


class Listing(Struct, frozen=True, kw_only=True):
    """The list, its bytes, how many orders it has, and what it can be narrowed to, with how many
    have it."""

    html: Markup
    size: int
    count: int
    stores: Mapping[str, int]
    states: Mapping[str, int]
    reasons: Mapping[str, int]


def listing(orders: Sequence[OrderShown], largest: int) -> Listing:
    """The orders, from the first on, as many as go into so many bytes."""
    rows: list[str] = []
    size = 0
    for order in orders:
        made = _row(order)
        bytes_of = len(made.encode("utf-8", "replace")) + 1
        if size + bytes_of > largest:
            break
        size += bytes_of
        rows.append(made)
    shown = orders[: len(rows)]
    return Listing(
        html=Markup("\n".join(rows)),  # noqa: S704 (each value is escaped where it is put in)
        size=size,
        count=len(rows),
        stores=_counted(order.store for order in shown),
        states=_counted(order.state for order in shown),
        reasons=_counted(order.reason for order in shown if order.reason),
    )


def _row(order: OrderShown) -> str:
    """An order: end tags that HTML does not need are left out."""
    reason = f' data-reason="{escape(order.reason)}"' if order.reason else ""
    sentence = f"<small>{words(order.sentence, 200)}</small>" if order.sentence else ""
    return (
        f'<li id="{escape(order.place)}" class="{escape(order.state)}"{reason}>'
        f"<i>{escape(order.store)}</i>{_link(order.shop_link, order.number)}"
        f"<i>{moment(order.created)}</i><i>{escape(money(order.total, order.currency))}</i>"
        f"<b>{escape(order.state)}</b>{_statuses(order)}"
        f"{sentence}<details><summary>Story</summary>{story(order)}</details>"
    )


def _statuses(order: OrderShown) -> str:
    """What Katana and the shop say; of a fulfilled order its state says it."""
    in_katana = ""
    if order.katana_link:
        in_katana = _link(order.katana_link, order.in_katana_as or "sales order")
    if order.state == "fulfilled" and order.shop_status == "completed":
        return f"<i>{in_katana}</i>"
    status = harmless(order.katana_status, 40).replace("_", " ").lower()
    said = f"{in_katana} {escape(status)}".strip()
    return f"<i>{said}</i><i>{escape(harmless(order.shop_status, 40))}</i>"


def _link(address: str, text: str) -> str:
    return f'<a href="{escape(address)}">{escape(harmless(text, 60))}</a>'


def story(order: OrderShown) -> Markup:
    """What is next and what happened, a line each; a day is named by the first line of it."""
    step = f"<p><b>Next:</b> {escape(harmless(order.next))}" if order.next else ""
    lines = escape("\n".join(_lines(order.story)))
    return Markup(f"{step}<p>{lines}")  # noqa: S704 (escaped)


def _lines(happened: Sequence[Happened]) -> list[str]:
    left_out = len(happened) - MOST_LINES
    lines, day = [f"({left_out} earlier lines are left out)"] if left_out > 0 else [], ""
    for each in happened[-MOST_LINES:]:
        at = moment(each.at)
        lines.append(f"{at[11:] if day and at[:10] == day else at} {harmless(each.words)}")
        day = at[:10]
    return lines


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
