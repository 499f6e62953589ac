"""The stock sync: what Katana can sell, set in every shop that sells it (rules 13 and 14)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from katana_woo_sync.clients.errors import ServiceError
from katana_woo_sync.clients.katana_http import KATANA
from katana_woo_sync.domain.stock import LEFT_OUT_WORDS, Target, too_many_zeros
from katana_woo_sync.ledger.stock import StockState
from katana_woo_sync.sync.context import Context, Store, StoreProblem, first_today, log
from katana_woo_sync.sync.guard import FATAL
from katana_woo_sync.sync.report import ExitCode
from katana_woo_sync.sync.resolve import Resolver
from katana_woo_sync.sync.shop_side import cursor_name, hear, poll
from katana_woo_sync.sync.stock_compare import Comparison, compare, find_uncounted
from katana_woo_sync.sync.stock_hearing import (
    Places,
    hear_products,
    hear_stock,
    make_due,
)
from katana_woo_sync.sync.stock_look import Look, look
from katana_woo_sync.sync.stock_push import Refused, push

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
    resolver: Resolver,
    *,
    accept_stock: bool = False,
    now: bool = False,
) -> None:
    """Bring the stock of these stores up to Katana's, where it is due (or `now`).

    What goes wrong with one store is in the report, and the others go on. Raises a `ServiceError`
    of Katana's, and what ends the whole run.
    """
    syncing = [store for store in stores if store.settings.sync_stock]
    due = [store for store in syncing if now or stock_due(context, store)]
    if not due:
        return
    places = find_places(context, resolver)
    due = [store for store in due if store.identity in places.of_stores]
    # a shop that could not tell of its orders would be sent a quantity without them
    due = [store for store in due if _is_worked(context, store)]
    if not due:
        return
    hear_stock(context, places)
    comparison = Comparison(context, places)
    # all shops are heard before any is set: what one has sold, the others at its place lose
    heard = [s for s in due if _guarded(context, s, partial(_hear, comparison, s))]
    make_due(context, places)
    for store in heard:
        work = partial(_work_due, comparison, store, accept_stock=accept_stock)
        _guarded(context, store, work)


def _guarded(context: Context, store: Store, work: Callable[[], None]) -> bool:
    """Do one store's part; what goes wrong is its own and holds up no other."""
    try:
        work()
    except FATAL:
        raise
    except Exception as error:
        if isinstance(error, ServiceError) and error.service == KATANA:
            raise
        _failed(context, store, error)
        return False
    return True


def find_places(context: Context, resolver: Resolver) -> Places:
    """Where each store's stock is. A store whose location is gone is compared as a whole once it
    has one again."""
    of_stores: dict[str, int] = {}
    for store in context.stores.values():
        try:
            of_stores[store.identity] = resolver.location(store)
        except StoreProblem as error:
            if store.settings.sync_stock:
                with context.step():
                    context.ledger.stock.compare_again(store.identity)
                    context.ledger.stock.went_wrong(store.identity, str(error))
    synced = frozenset(s.identity for s in context.stores.values() if s.settings.sync_stock)
    return Places(of_stores, synced)


def _hear(comparison: Comparison, store: Store) -> None:
    """Hear what was changed in the shop, and compare the whole of it where that is due."""
    context = comparison.context
    digest = settings_digest(context, store, comparison.places)
    state = context.ledger.stock.state(store.identity)
    if state is not None and state.compared_at is not None:
        hear_products(context, store)
    if comparison_due(context, store, digest):
        compare(comparison, store, digest, is_first=state is None or not state.settings)


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
    with context.step():
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
    with context.step(), context.ledger.atomic():
        stock = context.ledger.stock
        left_out = [*seen.plan.left_out, *(each.left_out for each in refused)]
        stock.leave_out(store.identity, left_out, looked_at=seen.item_ids)
        stock.done(store.identity, set(seen.variant_ids) - not_set, up_to)


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
            cursor = context.ledger.stores.cursor(cursor_name(other))
            try:
                hear(context, other, poll(other, cursor, known.facts, context.clock()))
            except ServiceError:
                if other is store:
                    raise
                log.debug("%s: not heard before the stock of %s", other.name, store.name)
    return before.again(comparison, store)


def _is_worked(context: Context, store: Store) -> bool:
    """Whether this run is about the store, and could work it."""
    part = context.report.stores.get(store.name)
    return part is not None and part.error is None and not part.lacks_orders


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
    if not left_out or not first_today(
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
    context.report.store_failed(store.name, error)
    text = f"stock: {context.report.store(store.name).error}"
    if not isinstance(error, (ServiceError, StoreProblem)):
        text = f"stock: unexpected: {type(error).__name__}: {error}"
        log.debug("%s", store.name, exc_info=error)
    context.report.store(store.name).error = text
    log.error("%s: %s", store.name, text, extra={"store": store.name})
    with context.step():
        context.ledger.stock.went_wrong(store.identity, text.removeprefix("stock: "))
