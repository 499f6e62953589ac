"""Making a lost ledger again: what Katana holds of a store's orders tells when it was connected."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from msgspec import Struct

from katana_woo_sync.domain.order_rules import left_out_before
from katana_woo_sync.sync.context import Context, Store, StoreProblem
from katana_woo_sync.sync.failures import store_part
from katana_woo_sync.sync.poll import hear_katana, learn_facts
from katana_woo_sync.sync.resolve import Resolver
from katana_woo_sync.sync.strangers import refuse_known_copy
from katana_woo_sync.sync.sweep import scan, sweep_katana
from katana_woo_sync.sync.takeover import (
    CLOCKS_APART,
    check_account,
    connect_as_before,
    katana_holds,
    start_cursor,
    take_over,
)

NOT_KNOWN = (
    "orders that you had set to be ignored or left out: they are shown again, if they change",
    "the import-from date of `backfill --since`: set `since` in the config (else they are shown)",
    "which refunds were made after an order's import: all that are there now count as known",
    "the history of what was done, and the notes",
)
"""What Katana cannot tell of a lost ledger, in words for a person."""


class Rebuilt(Struct, frozen=True):
    """What became of a store: orders that the ledger holds now, by state, and how many of them
    were adopted just now and are deleted in Katana."""

    adopted: int
    deleted: int
    states: dict[str, int]


def reconnect(context: Context, stores: Sequence[Store]) -> dict[str, Exception]:
    """Take over stores that were connected before, by what Katana holds of them; imports nothing.

    Returns what went wrong with a store, by its name. Raises a `ServiceError` where Katana cannot
    be asked.
    """
    failed: dict[str, Exception] = {}
    for store in stores:
        with store_part(partial(failed.__setitem__, store.name)):
            context.ledger.stores.add(store.identity, store.name)
            context.ledger.stores.set_facts(store.identity, learn_facts(store))
            start_cursor(context, store)
    failed |= take_over(context, [store for store in stores if store.name not in failed])
    for store in stores:
        if store.name in failed:
            continue
        with store_part(partial(failed.__setitem__, store.name)):
            connect_as_before(context, store)
            scan(context, store)
            refuse_known_copy(context, store)
            _show_what_was_left_out(context, store)
    return failed


def _show_what_was_left_out(context: Context, store: Store) -> None:
    known = context.ledger.stores.get(store.identity)
    if known is None or known.connected_at is None:
        return
    since = known.connected_at - CLOCKS_APART
    with context.step(), context.ledger.atomic():
        for record in context.ledger.orders.find(identities=[store.identity], state="queued"):
            left = left_out_before(record, since)
            if left is not None:
                context.save(store, left, record)


def rebuild(context: Context, stores: Sequence[Store]) -> dict[str, Rebuilt]:
    """Fill the ledger with what Katana holds of these stores, deleted orders too.

    A store of which Katana holds nothing is left for its first import. What goes wrong with a store
    is in the report. Raises a `ServiceError` where Katana cannot be asked.
    """
    check_account(context)
    sweep_katana(context, Resolver(context))
    hear_katana(context)
    held = []
    for store in stores:
        context.report.store(store.name)
        if katana_holds(context, store):
            held.append(store)
        else:
            problem = StoreProblem(
                "Katana holds none of this store's orders; connect it with "
                f"`katana-woo-sync backfill --store {store.name}`"
            )
            context.report.store_failed(store.name, problem)
    for name, error in reconnect(context, held).items():
        context.report.store_failed(name, error)
    return {store.name: _rebuilt(context, store) for store in held}


def _rebuilt(context: Context, store: Store) -> Rebuilt:
    return Rebuilt(
        adopted=context.report.store(store.name).adopted,
        deleted=context.ledger.orders.deleted_in_katana(store.identity),
        states=context.ledger.orders.counts(store.identity),
    )
