"""Rule 4 in the ledger: an order's total in Katana compared with the shop's, and kept."""

from __future__ import annotations

from decimal import Decimal

from katana_woo_sync.domain.decide import compared
from katana_woo_sync.domain.records import OrderRecord
from katana_woo_sync.sync.context import Context, Store


def compare(context: Context, store: Store, record: OrderRecord, total: Decimal) -> OrderRecord:
    """Compare Katana's total (with tax and shipping) with what the import expected of it; returns
    the record as it is saved."""
    seen = compared(record, total, context.facts(store).decimals)
    if seen.record is not None and seen.record != record:
        record = context.save(store, seen.record, record)
    context.note(store, record, *seen.notes)
    return record
