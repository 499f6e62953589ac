"""What shops are to be told of deliveries in Katana, and what they have been told."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct

from katana_woo_sync.domain.fields import convert
from katana_woo_sync.domain.shipments import Parcel
from katana_woo_sync.ledger.sqlite import DUE, LedgerDatabase, time_text

UNTRACKED = "untracked"

UNREAD = 0
"""In the place of a fulfilment's id: what was delivered of the order is still to be asked for."""

_OF_ORDER = "identity = ? AND order_id = ?"
_THIS = f"{_OF_ORDER} AND fulfillment_id = ?"


class Shipment(Struct, frozen=True):
    """A delivered fulfilment of Katana: what is known of it, and whether the shop is still to be
    told, which was tried so many times. `entry` is the tracking number with which it has an entry
    in the shop (`UNTRACKED` without one), "" where it has none. `is_early`: it is older than what
    the ledger knows, and the shop may have been told already."""

    order_id: int
    fulfillment_id: int
    parcel: Parcel
    is_due: bool
    is_early: bool
    entry: str
    attempts: int


class Shipments:
    """The shipments table; times UTC."""

    def __init__(self, db: LedgerDatabase) -> None:
        self._table = db.table("shipments")

    def find(self, identity: str, order_id: int, fulfillment_id: int) -> Shipment | None:
        """What is known of a fulfilment, if anything."""
        row = self._table.find(identity, order_id, fulfillment_id)
        return None if row is None else _read(row)

    def keep(
        self,
        identity: str,
        order_id: int,
        fulfillment_id: int,
        parcel: Parcel,
        *,
        is_early: bool = False,
    ) -> None:
        """The shop is to be told of the parcel, as it is now; no earlier than it was to be told of
        what the parcel was before."""
        self._table.put(
            {
                "identity": identity,
                "order_id": order_id,
                "fulfillment_id": fulfillment_id,
                "parcel": msgspec.json.encode(parcel).decode(),
                "is_due": 1,
                "is_early": is_early,
                "attempts": 0,
            }
        )

    def due(self, identity: str, now: datetime) -> list[Shipment]:
        """What the shop is to be told now, by orders."""
        where = f"is_due = 1 AND {DUE}"
        rows = self._table.rows_where(
            where, [identity, time_text(now)], order_by="order_id, fulfillment_id"
        )
        return [_read(row) for row in rows]

    def of_order(self, identity: str, order_id: int) -> list[Shipment]:
        """All that is known of an order's."""
        rows = self._table.rows_where(_OF_ORDER, [identity, order_id], order_by="fulfillment_id")
        return [_read(row) for row in rows]

    def first_tries(self, identity: str, now: datetime) -> set[int]:
        """The orders of which the shop is to be told something that was not tried yet, or once, and
        is not to be tried again at `now` (UTC)."""
        is_first = "(attempts = 0 OR (attempts = 1 AND next_attempt_at > ?))"
        where = f"identity = ? AND is_due = 1 AND {is_first}"
        rows = self._table.rows_where(where, [identity, time_text(now)], select="order_id")
        return {row["order_id"] for row in rows}

    def sending(self, identity: str, shipment: Shipment, again_at: datetime) -> None:
        """The shop is about to be told; if nothing more is heard of it, it is tried again then."""
        self._table.update_where(
            _THIS,
            [identity, shipment.order_id, shipment.fulfillment_id],
            attempts=shipment.attempts + 1,
            next_attempt_at=time_text(again_at),
        )

    def told(self, identity: str, shipment: Shipment, *, has_entry: bool) -> None:
        """The shop knows, with an entry of its own or without one; or it is given up."""
        entry = shipment.parcel.number or UNTRACKED
        self._table.update_where(
            _THIS,
            [identity, shipment.order_id, shipment.fulfillment_id],
            is_due=0,
            entry=entry if has_entry else "",
            next_attempt_at=None,
        )

    def retry(self, identity: str, order_id: int) -> None:
        """The shop may be told at once."""
        where = f"{_OF_ORDER} AND is_due = 1"
        self._table.update_where(where, [identity, order_id], next_attempt_at=None)

    def hasten(self, identity: str, order_id: int, at: datetime) -> None:
        """What is tried again is tried at this time, and no later."""
        where, at_latest = f"{_OF_ORDER} AND next_attempt_at > ?", time_text(at)
        self._table.update_where(where, [identity, order_id, at_latest], next_attempt_at=at_latest)

    def forget(self, identity: str, order_id: int, fulfillment_id: int) -> None:
        """The fulfilment was taken back."""
        self._table.delete_where(_THIS, [identity, order_id, fulfillment_id])


def _read(row: dict[str, object]) -> Shipment:
    return convert({**row, "parcel": msgspec.json.decode(str(row["parcel"]))}, Shipment)
