"""`status` on a terminal: the stores side by side with what is next, then what needs a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from katana_woo_sync.cli.output import moment
from katana_woo_sync.cli.page import problem_groups, troubles
from katana_woo_sync.cli.terminal import STYLES, ago, facts, text
from katana_woo_sync.config import Settings, StoreSettings
from katana_woo_sync.domain.checks import in_the_future, words_of_the_future
from katana_woo_sync.domain.order_record import OrderRecord
from katana_woo_sync.domain.stock import LEFT_OUT_WORDS
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.report.values import ProblemGroup
from katana_woo_sync.sync.poll import cursor_name

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

NAMED = 10
"""Orders of one reason, and items whose stock is left alone, that are named one by one."""


def draw(
    settings: Settings,
    ledger: Ledger,
    records: Sequence[OrderRecord],
    next_steps: dict[str, str],
    now: datetime,
    screen: Console,
) -> None:
    """Draw it. `records` are the problems, `next_steps` what the next cycle does, by store; `now`
    is UTC."""
    for store in settings.stores:
        _store(screen, ledger, store, next_steps.get(store.name, ""), now)
    for trouble in troubles(settings, ledger, now):
        screen.print(text("✗ ", "bold red") + text(f"{trouble.who}: ", "bold") + text(trouble.text))
    groups = problem_groups(settings, records)
    for group in groups:
        _group(screen, group, now)
    if not groups:
        screen.print(text("✓ No order needs a person.", "green"))


def _store(
    screen: Console, ledger: Ledger, store: StoreSettings, next_step: str, now: datetime
) -> None:
    known = ledger.stores.get(store.identity)
    paused = text("  left alone (paused = true)", "yellow") if store.paused else text("")
    screen.print(text(store.name, "bold cyan") + text(f"  {store.identity}", "dim") + paused)
    if known is None or known.connected_at is None:
        screen.print("")
        return
    table = facts()
    last = known.last_success_at
    cycle = f"{moment(last)}, {ago(last, now)}" if last else "never"
    table.add_row(text("  last good cycle"), text(cycle))
    table.add_row(text("  orders"), _counts(ledger.orders.counts(store.identity)))
    oldest = ledger.orders.oldest_queued(store.identity)
    if oldest:
        table.add_row(
            text("  oldest waiting"), text(f"placed {moment(oldest)}, {ago(oldest, now)}")
        )
    times = in_the_future(ledger.stores.ahead(cursor_name(store)).values(), now)
    if times:
        table.add_row(text(""), text(words_of_the_future(times), "yellow"))
    left = ledger.orders.left_to_parents(store.identity)
    if left:
        table.add_row(text(""), text(f"{left} left out: their parent orders hold the same goods"))
    if store.sync_stock:
        stock = ledger.stock.state(store.identity)
        at = stock.updated_at if stock else None
        table.add_row(text("  stock"), text(f"as in Katana {moment(at)}, {ago(at, now)}"))
        sold = ledger.orders.sold_at_till(store.identity)
        if sold.orders:
            table.add_row(text(""), text(sold.words))
        left_out = ledger.stock.left_out(store.identity)
        for each in left_out[:NAMED]:
            words = LEFT_OUT_WORDS.get(each.reason, each.reason)
            table.add_row(text(""), text(f"{each.sku}: left alone: {words} {each.detail}".rstrip()))
        if len(left_out) > NAMED:
            table.add_row(text(""), text(f"and {len(left_out) - NAMED} more: status --json"))
    table.add_row(text("  next cycle"), text(next_step))
    screen.print(table)
    screen.print("")


def _counts(counts: dict[str, int]) -> Text:
    if not counts:
        return text("none yet")
    shown = text("")
    for number, (state, count) in enumerate(sorted(counts.items())):
        shown += text(", " if number else "") + text(f"{count:,} {state}", STYLES.get(state, ""))
    return shown


def _group(screen: Console, group: ProblemGroup, now: datetime) -> None:
    from rich.padding import Padding

    count = len(group.orders)
    style = "yellow" if group.is_tried_again else "bold red"
    mark = "… " if group.is_tried_again else "! "
    title = f"{mark}{count} {'order' if count == 1 else 'orders'}"
    screen.print(text(title, style) + text(f"  {group.reason}", "dim"))
    screen.print(Padding(text(group.sentence), (0, 0, 0, 2)))
    if group.remedy:
        screen.print(Padding(text(f"→ {group.remedy}", "bold"), (0, 0, 0, 2)))
    for order in group.orders[:NAMED]:
        again = order.next_attempt_at
        when = f", tried again {ago(again, now)}" if again else ""
        name = text(f"    {order.store} {order.number}", "cyan", order.shop_link)
        in_katana = text("")
        if order.katana_link:
            in_katana = text("  ") + text(f"as {order.in_katana_as}", "blue", order.katana_link)
        screen.print(name + in_katana + text(f"  {order.sentence}{when}".rstrip()))
    if count > NAMED:
        screen.print(text(f"    and {count - NAMED} more: katana-woo-sync orders"))
    screen.print("")
