"""Setting a shop's stock: in batches, each item's answer checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from msgspec import Struct

from katana_woo_sync.domain.stock import LeftOut, Plan, Target, WhyLeftOut
from katana_woo_sync.domain.text import plain
from katana_woo_sync.domain.woocommerce import StockAnswer
from katana_woo_sync.sync.context import Context, Store, log

MOST_AT_ONCE = 100
"""WooCommerce answers 413 to more."""

NAMED = 20
"""Items of a batch that the log names one by one."""


class Refused(Struct, frozen=True):
    """A target that the shop did not take."""

    left_out: LeftOut
    variant_ids: tuple[int, ...]


def push(context: Context, store: Store, plan: Plan) -> list[Refused]:
    """Set what differs; returns what the shop did not take. Raises a `ServiceError`.

    What was set is kept at once, batch by batch, so that a crash forgets none of it; setting is
    absolute, so that doing it again does no harm.
    """
    refused: list[Refused] = []
    for batch in batches([target for target in plan.targets if target.differs]):
        quantities = {target.item_id: target.quantity for target in batch}
        answers = store.shop.set_stock(batch[0].parent_id, quantities)
        wrong = [each for each in (_problem(t, answers) for t in batch) if each is not None]
        refused += wrong
        not_set = {each.left_out.item_id for each in wrong}
        done = [target for target in batch if target.item_id not in not_set]
        _record(context, store, done)
    same = {t.item_id: t.quantity for t in plan.targets if not t.differs}
    with context.step():
        context.ledger.stock.set_pushed(store.identity, same)
    return refused


def batches(targets: Sequence[Target]) -> Iterator[list[Target]]:
    """Targets in batches of one address: products together, variations with their product's."""
    ordered = sorted(targets, key=lambda target: (target.parent_id, target.item_id))
    for _parent, group in groupby(ordered, key=lambda target: target.parent_id):
        whole = list(group)
        for start in range(0, len(whole), MOST_AT_ONCE):
            yield whole[start : start + MOST_AT_ONCE]


def _problem(target: Target, answers: Mapping[int, StockAnswer]) -> Refused | None:
    """What is wrong with the answer for an item: refused, ignored, or missing."""
    answer = answers.get(target.item_id)
    if answer is None:
        detail = "it answered nothing for it"
    elif answer.error is not None:
        detail = plain(answer.error.message, 200) or str(answer.error.code)
    elif answer.manage_stock is not True:
        detail = "it does not keep stock for it any more"
    elif answer.stock_quantity != target.quantity:
        detail = f"it has {answer.stock_quantity} instead of {target.quantity}"
    else:
        return None
    left = LeftOut(target.item_id, target.sku, WhyLeftOut.SHOP_REFUSED, detail)
    return Refused(left, target.variant_ids)


def _record(context: Context, store: Store, done: Sequence[Target]) -> None:
    if not done:
        return
    quantities = {target.item_id: target.quantity for target in done}
    with context.step(), context.ledger.atomic():
        context.ledger.stock.set_pushed(store.identity, quantities)
        shown = ", ".join(f"{t.sku or t.item_id}: {t.quantity}" for t in done[:NAMED])
        more = f" and {len(done) - NAMED} more" if len(done) > NAMED else ""
        context.ledger.journal.add(
            context.clock(), "shop", "stock set", f"{shown}{more}", identity=store.identity
        )
    context.report.store(store.name).stock_updated += len(done)
    would = "would be set" if context.dry_run else "set"
    for target in done[:NAMED]:
        before = "?" if target.current is None else f"{target.current:f}"
        log.info(
            "%s: stock of %s %s to %d (was %s)",
            store.name,
            target.sku or target.item_id,
            would,
            target.quantity,
            before,
            extra={"store": store.name},
        )
    if more:
        log.info("%s: stock%s %s", store.name, more, would, extra={"store": store.name})
