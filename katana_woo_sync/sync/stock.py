"""The stock sync: what Katana can sell, set in every shop that sells it (rules 13 and 14)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby

from msgspec import Struct

from katana_woo_sync.clients.errors import ServiceError
from katana_woo_sync.domain.stock import (
    LEFT_OUT_WORDS,
    LeftOut,
    Plan,
    Target,
    WhyLeftOut,
    too_many_zeros,
)
from katana_woo_sync.domain.text import plain
from katana_woo_sync.domain.woocommerce import StockAnswer
from katana_woo_sync.ledger.stock import StockState
from katana_woo_sync.sync.context import Context, Store, StoreProblem, log, once_a_day
from katana_woo_sync.sync.failures import is_katana_down, part_of_store
from katana_woo_sync.sync.katana_facts import KatanaFacts
from katana_woo_sync.sync.poll import apply_poll, cursor_name, poll
from katana_woo_sync.sync.report import ExitCode
from katana_woo_sync.sync.stock_changes import (
    Places,
    make_due,
    read_product_changes,
    read_stock_changes,
    scan_taken,
)
from katana_woo_sync.sync.stock_levels import Comparison, Look, compare, find_uncounted, look

TOGETHER = 250
"""Variants that are looked at in one go: a page of Katana's inventory."""

EARLY = 0.1
"""How much of its interval before it is due stock is worked: a timer is never exactly on time."""

SHOWN = 20
"""Items that are named in the log one by one."""


def stock_due(context: Context, store: Store) -> bool:
    """Whether the store's stock was last worked longer ago than the schedule's interval."""
    state = context.ledger.stock.state(store.identity)
    return is_stock_due(state, context.settings.schedule.stock, context.clock())


def is_stock_due(state: StockState | None, interval: timedelta, now: datetime) -> bool:
    """Whether stock in this state is worked at `now` (UTC), where it is every `interval`."""
    if state is None or state.updated_at is None or state.compared_at is None:
        return True
    return now - state.updated_at >= interval * (1 - EARLY)


def sync_stock(
    context: Context,
    stores: Sequence[Store],
    katana_facts: KatanaFacts,
    *,
    accept_stock: bool = False,
    now: bool = False,
) -> None:
    """Bring the stock of these stores up to Katana's, where it is due (or `now`).

    What goes wrong with one store is in the report, and the others go on. Raises a `ServiceError`
    where Katana cannot be worked at all, and what ends the whole run.
    """
    due = [
        store
        for store in stores
        if store.settings.sync_stock and (now or stock_due(context, store))
    ]
    if due:
        _work(context, due, find_places(context, katana_facts), accept_stock=accept_stock)


def _work(context: Context, stores: Sequence[Store], places: Places, *, accept_stock: bool) -> None:
    due = [store for store in stores if store.identity in places.of_stores]
    # a shop that could not tell of its orders would be sent a quantity without them
    due = [store for store in due if _is_worked(context, store)]
    if not due:
        return
    comparison = Comparison(context, places)
    try:
        read_stock_changes(context, places)
        # all shops are read before any is set: what one has sold, the others at its place lose
        for store in due:
            _guarded(context, store, partial(_hear, comparison, store))
        make_due(context, places)
    except ServiceError as error:
        if is_katana_down(error):
            raise
        for store in due:
            _failed(context, store, error)
    for store in due:
        if _is_worked(context, store):
            work = partial(_work_due, comparison, store, accept_stock=accept_stock)
            _guarded(context, store, work)


def _guarded(context: Context, store: Store, work: Callable[[], None]) -> bool:
    """Do one store's part; what goes wrong is its own and holds up no other."""
    errors: list[Exception] = []
    with part_of_store(errors.append):
        work()
    for error in errors:
        _failed(context, store, error)
    return not errors


def find_places(context: Context, katana_facts: KatanaFacts) -> Places:
    """Where each store's stock is. A store whose location is gone is compared as a whole once it
    has one again; until then what its orders had taken stays where it was."""
    ledger, of_stores, last_known = context.ledger, dict[str, int](), dict[str, int]()
    for store in context.stores.values():
        location_id = _location(context, katana_facts, store)
        kept = ledger.stores.meta(_kept_location(store))
        if location_id is not None and kept != str(location_id):
            context.go_on()
            ledger.stores.set_meta(_kept_location(store), str(location_id))
        place = int(kept) if location_id is None and kept is not None else location_id
        if place is None:
            continue
        if not context.is_connected(store):
            # a shop that moved, say: what it had taken under its identity before is not given back
            last_known.update(dict.fromkeys(ledger.stores.connected_as(store.name), place))
        elif location_id is None:
            last_known[store.identity] = place
        else:
            of_stores[store.identity] = location_id
    synced = frozenset(s.identity for s in context.stores.values() if s.settings.sync_stock)
    return Places(of_stores, synced, last_known)


def _location(context: Context, katana_facts: KatanaFacts, store: Store) -> int | None:
    """The store's location; None, and shown with the store, where the config's does not fit."""
    try:
        return katana_facts.location(store)
    except StoreProblem as error:
        if store.settings.sync_stock and not store.settings.paused:
            context.go_on()
            context.ledger.stock.compare_again(store.identity)
            context.ledger.stock.went_wrong(store.identity, str(error))
        return None


def _kept_location(store: Store) -> str:
    return f"location:{store.identity}"


def _hear(comparison: Comparison, store: Store) -> None:
    """Read what was changed in the shop, and compare the whole of it where that is due."""
    context = comparison.context
    digest = settings_digest(context, store, comparison.places)
    state = context.ledger.stock.state(store.identity)
    if state is not None and state.compared_at is not None:
        read_product_changes(context, store)
    if comparison_due(context, store, digest):
        scan_taken(context, store)
        _scan_others(comparison, store, context.settings.schedule.sweep)
        compare(comparison, store, digest, is_first=state is None or not state.settings)
    else:
        _scan_others(comparison, store, timedelta.max)


def _scan_others(comparison: Comparison, store: Store, interval: timedelta) -> None:
    """Read what orders of the other shops at the place have taken, where that was never done or
    not within the interval.

    Of a shop that is refused, fails or is paused nothing new is known: what was known last stands.
    """
    context, places = comparison.context, comparison.places
    here = places.stores_at(places.of_stores[store.identity])
    for other in context.stores.values():
        if other is store or other.identity not in here or not _may_be_asked(context, other):
            continue
        state = context.ledger.stock.state(other.identity)
        scanned = state.scanned_at if state is not None else None
        if scanned is not None and context.clock() - scanned < interval:
            continue
        if other.name not in comparison.not_scanned and not _guarded(
            context, other, partial(scan_taken, context, other)
        ):
            comparison.not_scanned.add(other.name)


def _may_be_asked(context: Context, store: Store) -> bool:
    """Whether a store's orders can be read: it is connected, and nothing is wrong with it."""
    if store.settings.paused or not context.is_connected(store):
        return False
    if store.name in context.report.stores:
        return _is_worked(context, store)
    known = context.ledger.stores.get(store.identity)
    return known is not None and not known.last_error


def comparison_due(context: Context, store: Store, digest: str) -> bool:
    """Whether the whole store is to be compared: never done, nightly, or by other settings."""
    state = context.ledger.stock.state(store.identity)
    if state is None or state.compared_at is None or state.settings != digest:
        return True
    interval: timedelta = context.settings.schedule.sweep
    return context.clock() - state.compared_at >= interval


def settings_digest(context: Context, store: Store, places: Places) -> str:
    """A digest of the settings that make a store's stock what it is."""
    own = store.settings
    parts = [
        str(places.of_stores[store.identity]),
        f"{own.stock_reserve.quantity:f} {own.stock_reserve.is_percentage}",
        str(own.count_other_commitments),
        *sorted(own.stock_exclude),
        *(f"{shop}={katana}" for shop, katana in sorted(context.settings.sku_aliases.items())),
        *sorted(places.stores_at(places.of_stores[store.identity])),
    ]
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def _work_due(comparison: Comparison, store: Store, *, accept_stock: bool) -> None:
    """Look at what is due and set what differs, a page of Katana's inventory at a time.

    Rule 14's brake needs to know the whole run, so all pages are looked at before anything is set;
    where there are several, one is looked at again right before it is set.
    """
    context = comparison.context
    due = context.ledger.stock.due(store.identity)
    ids = due.variant_ids
    parts = [ids[start : start + TOGETHER] for start in range(0, len(ids), TOGETHER)]
    looks = [_counted_look(comparison, store, part) for part in parts]
    if not accept_stock:
        _brake(context, store, [target for seen in looks for target in seen.plan.targets])
    for number, seen in enumerate(looks):
        is_old = number > 0 and any(target.differs for target in seen.plan.targets)
        now = _counted_look(comparison, store, seen.variant_ids) if is_old else seen
        _set(comparison, store, now, due.up_to)
    _tell_left_out(context, store)
    context.ledger.stock.updated(store.identity, context.clock())


def _counted_look(comparison: Comparison, store: Store, part: Sequence[int]) -> Look:
    """A look in which nothing is emptied that nobody has counted (rule 14)."""
    seen = look(comparison, store, part)
    differing = [target for target in seen.plan.targets if target.differs]
    if find_uncounted(comparison.context, differing, seen.seen.found):
        return seen.again(comparison, store)
    return seen


def _set(comparison: Comparison, store: Store, seen: Look, up_to: int) -> None:
    """Set what differs, on a last look at what the shops have sold."""
    context, refused = comparison.context, list[Refused]()
    if any(target.differs for target in seen.plan.targets):
        seen = _fresh(comparison, store, seen)
        refused = push(context, store, seen.plan)
    not_set = {variant_id for each in refused for variant_id in each.variant_ids}
    with context.ledger.atomic():
        stock = context.ledger.stock
        left_out = [*seen.plan.left_out, *(each.left_out for each in refused)]
        stock.leave_out(store.identity, left_out, looked_at=seen.item_ids)
        stock.done(store.identity, seen.looked_at - not_set, up_to)


def _fresh(comparison: Comparison, store: Store, before: Look) -> Look:
    """The plan again with the orders that the shops at the place have taken meanwhile: what is sold
    between a look and a write must not be sold twice."""
    context, places = comparison.context, comparison.places
    here = set(places.stores_at(places.of_stores[store.identity]))
    for other in context.stores.values():
        if other.identity in here and _is_worked(context, other):
            known = context.ledger.stores.get(other.identity)
            if known is None or known.connected_at is None:
                continue
            stores, name = context.ledger.stores, cursor_name(other)
            cursor, ahead = stores.cursor(name), stores.ahead(name)
            with part_of_store(partial(_not_heard, store, other)):
                apply_poll(context, other, poll(other, cursor, known.facts, context.clock(), ahead))
    return before.again(comparison, store)


def _not_heard(store: Store, other: Store, error: Exception) -> None:
    """A store's stock is set without what another sold last, but not without its own orders."""
    if other is store:
        raise error
    log.debug("%s: not heard before %s's stock: %s", other.name, store.name, error)


def _is_worked(context: Context, store: Store) -> bool:
    """Whether this run has the store, and all of its orders. One that has not answered in this
    cycle yet counts as one that could not be worked."""
    part = context.report.stores.get(store.name)
    if part is None or store.name in context.silent:
        return False
    return part.error is None and not part.lacks_orders


def _brake(context: Context, store: Store, targets: Sequence[Target]) -> None:
    state = context.ledger.stock.state(store.identity)
    managed = state.managed if state is not None else 0
    zeros = too_many_zeros(targets, managed)
    if zeros:
        raise StoreProblem(
            f"{zeros} of {managed} products that keep stock would be set to 0 at once; no stock "
            "was changed. If that is right, run `katana-woo-sync sync --accept-stock`; if not, "
            "look at the stock in Katana, and at `location` of this store",
            ExitCode.PROBLEMS,
        )


def _tell_left_out(context: Context, store: Store) -> None:
    left_out = context.ledger.stock.left_out(store.identity)
    if not left_out or not once_a_day(
        context.ledger, f"stock left out {store.identity}", context.clock()
    ):
        return
    for each in left_out[:SHOWN]:
        words = LEFT_OUT_WORDS.get(each.reason, each.reason)
        detail = f" ({each.detail})" if each.detail else ""
        log.info("%s: stock of %s is left alone: %s%s", store.name, each.sku, words, detail)
    if len(left_out) > SHOWN:
        log.info("%s: and of %d more", store.name, len(left_out) - SHOWN)


def _failed(context: Context, store: Store, error: Exception) -> None:
    if store.name not in context.report.stores:
        # another run works it, and tells
        log.warning("%s: what its orders have taken could not be read: %s", store.name, error)
        return
    text = f"stock: {context.report.store_failed(store.name, error)}"
    context.report.store(store.name).error = text
    log.debug("%s", store.name, exc_info=error)
    log.error("%s: %s", store.name, text, extra={"store": store.name})
    context.ledger.stock.went_wrong(store.identity, text.removeprefix("stock: "))


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
        context.go_on()
        quantities = {target.item_id: target.quantity for target in batch}
        answers = store.shop.set_stock(batch[0].parent_id, quantities)
        wrong = [each for each in (_problem(t, answers) for t in batch) if each is not None]
        refused += wrong
        not_set = {each.left_out.item_id for each in wrong}
        done = [target for target in batch if target.item_id not in not_set]
        _record(context, store, done)
    same = {t.item_id: t.quantity for t in plan.targets if not t.differs}
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
    with context.ledger.atomic():
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
