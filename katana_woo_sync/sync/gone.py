"""Orders that the shop does not have: in some moments a shop answers nothing at all, so they are
looked for again in the next cycles, less and less often; later by the sweep alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from katana_woo_sync.domain.order_record import RETRY_DELAYS
from katana_woo_sync.ledger.sqlite import read_time, time_text
from katana_woo_sync.sync.context import Context, Store


def keep_gone(context: Context, store: Store, order_ids: Sequence[int]) -> list[int]:
    """Remember orders that the shop does not have. Returns those that were gone before; call inside
    a step."""
    kept, now = _gone(context, store), context.clock()
    again = [order_id for order_id in order_ids if str(order_id) in kept]
    for order_id in order_ids:
        looks = kept.pop(str(order_id), (0, ""))[0]
        if looks < len(RETRY_DELAYS):  # later the sweep alone looks
            kept[str(order_id)] = (looks + 1, time_text(now + RETRY_DELAYS[looks]) or "")
    _set_gone(context, store, kept)
    return again


def gone_to_look_for(context: Context, store: Store) -> list[int]:
    """The orders that were gone and are to be looked for now."""
    now = context.clock()
    due = ((i, read_time(at)) for i, (_looks, at) in _gone(context, store).items())
    return sorted(int(order_id) for order_id, at in due if at is None or at <= now)


def came_back(context: Context, store: Store, order_ids: Iterable[int]) -> None:
    """Orders that were gone are there; call inside a step."""
    kept = _gone(context, store)
    there = kept.keys() & {str(order_id) for order_id in order_ids}
    if there:
        _set_gone(context, store, {i: at for i, at in kept.items() if i not in there})


def _gone(context: Context, store: Store) -> dict[str, tuple[int, str]]:
    """How often each order was found gone, and when it is looked for again."""
    kept = json.loads(context.ledger.stores.meta(f"gone:{store.identity}") or "{}")
    return {order_id: (int(looks), str(at)) for order_id, (looks, at) in kept.items()}


def _set_gone(context: Context, store: Store, kept: Mapping[str, tuple[int, str]]) -> None:
    before = context.ledger.stores.meta(f"gone:{store.identity}") or ""
    text = json.dumps(kept) if kept else ""
    if text != before:
        context.ledger.stores.set_meta(f"gone:{store.identity}", text)
