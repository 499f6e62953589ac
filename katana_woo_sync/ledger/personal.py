"""What the ledger keeps about one customer, and its erasure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Any

from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.ledger.sqlite import IN_LIST, LedgerDatabase, json_list

Key = tuple[str, int]
"""An order: its store's identity and WooCommerce's id."""

_PERSON = ("email", "name", "phone", "postcodes")


class PersonalData:
    """A customer's rows, in all tables that have any."""

    def __init__(self, db: LedgerDatabase) -> None:
        self._db = db
        self._index, self._remembered = db.table("katana_customers"), db.table("customers")
        self._intents, self._adoptable = db.table("intents"), db.table("adoptable")
        self._shipments = db.table("shipments")

    def with_email(self, digest: str) -> set[int]:
        """Katana's ids of the customers with this digest of an e-mail address."""
        rows = self._index.rows_where("email = ? AND email != ''", [digest], select="id")
        return {row["id"] for row in rows}

    def ids_of(self, references: Collection[str]) -> set[int]:
        """Katana's ids of the customers that the shops' customers were matched with."""
        where = f"reference_id {IN_LIST}"
        matched = self._remembered.rows_where(where, [json_list(references)])
        listed = self._index.rows_where(f"{where} AND reference_id != ''", [json_list(references)])
        return {row["customer_id"] for row in matched} | {row["id"] for row in listed}

    def rows(self, ids: Collection[int], references: Collection[str]) -> dict[str, list[Any]]:
        """What the tables of customers hold of them, by table."""
        by_id = [json_list(ids)]
        matched = f"customer_id {IN_LIST} OR reference_id {IN_LIST}"
        begun = f"kind = ? AND key {IN_LIST}"
        created = f"action = 'created customer' AND detail {IN_LIST}"
        return {
            "katana_customers": list(self._index.rows_where(f"id {IN_LIST}", by_id)),
            "customers": list(
                self._remembered.rows_where(matched, [*by_id, json_list(references)])
            ),
            "intents": list(
                self._intents.rows_where(begun, [str(IntentKind.CUSTOMER), json_list(references)])
            ),
            "history": list(
                self._db.table("history").rows_where(
                    created, [json_list(f"customer {each}" for each in ids)]
                )
            ),
        }

    def adoptable(self, order: Key) -> list[dict[str, Any]]:
        """The sales orders that may be the order's, as they are kept until that is known."""
        return list(self._adoptable.rows_where("identity = ? AND order_id = ?", order))

    def shipments(self, order: Key) -> list[dict[str, Any]]:
        """What is known of the order's parcels."""
        rows = self._shipments.rows_where("identity = ? AND order_id = ?", order)
        return [{**row, "parcel": json.loads(row["parcel"])} for row in rows]

    def erase(self, ids: Collection[int], orders: Iterable[Key]) -> None:
        """Erase the digests by which the customers are recognised, and every text about their
        orders; in a group of writes.

        Ids, numbers (parcels' too), the orders' digests and states stay: they keep an order, a
        customer and an entry of a parcel in the shop from being created twice. Records that a run
        has read before are of an older version then: it reads them again.
        """
        # without it what was erased can still be read in the file
        self._db.execute("PRAGMA secure_delete = ON")
        self._index.update_where(f"id {IN_LIST}", [json_list(ids)], **dict.fromkeys(_PERSON, ""))
        of_order = "identity = ? AND order_id = ?"
        for order in orders:
            self._db.execute(
                "UPDATE orders SET detail = '', note_failed = '', version = version + 1 "  # noqa: S608
                f"WHERE {of_order}",
                order,
            )
            # of two with one reason and no detail the key has place for one
            self._db.execute(f"UPDATE OR REPLACE notes SET detail = '' WHERE {of_order}", order)  # noqa: S608
            self._db.execute(f"UPDATE history SET detail = '' WHERE {of_order}", order)  # noqa: S608
            self._db.execute(
                "UPDATE adoptable SET document = json_remove(document, '$.additional_info') "  # noqa: S608
                f"WHERE {of_order}",
                order,
            )

    def overwrite(self) -> None:
        """Bring what was erased from the write-ahead log into the file, as far as no other process
        is reading: the log holds the pages as they were."""
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
