"""Orders in the ledger, and the questions that the sync asks of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple, replace

from katana_woo_sync.domain.fields import convert
from katana_woo_sync.domain.order_record import OrderRecord, TillSales
from katana_woo_sync.domain.order_rules import Note
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.ledger.sqlite import (
    DUE,
    IN_LIST,
    LedgerDatabase,
    amount_text,
    json_list,
    read_time,
    time_text,
)

COLUMNS = OrderRecord.__struct_fields__
_COLUMNS = ", ".join(COLUMNS)
_INSERT = (
    f"INSERT INTO orders ({_COLUMNS}) VALUES ({', '.join('?' * len(COLUMNS))}) "  # noqa: S608
    "ON CONFLICT (identity, order_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in COLUMNS[2:])
    + " WHERE orders.version = excluded.version - 1"
)
_WANTS_IMPORT = """in_katana = 'no' AND state IN ('queued', 'failed', 'attention')
    AND (state != 'attention' OR next_attempt_at IS NOT NULL)"""
_WANTS_FULFILMENT = """in_katana = 'yes'
    AND state IN ('queued', 'importing', 'imported', 'skipped', 'failed', 'attention') AND (
    (katana_status = 'DELIVERED' AND shop_status != 'completed')
    OR (katana_status != 'DELIVERED' AND shop_status IN ('completed', 'cancelled')))"""
"""Cancelled orders are among them: they may be deleted in Katana (`cancelled`)."""

_UNDELIVERED = "in_katana = 'yes' AND katana_status != 'DELIVERED'"

_OPEN = "state IN ('queued', 'importing', 'imported', 'failed', 'attention')"

_BY_STATE = "orders_by_state"
"""The index to go by where only some states are wanted. It must be named: without statistics
SQLite goes through all of a store's orders, and a cycle would cost more with every year."""

_PROBLEM = (
    "(state IN ('failed', 'attention') OR (state = 'importing' AND reason != '') "
    "OR (state = 'fulfilled' AND money_differs != '') OR note_failed != '')"
)


class StaleRecord(Exception):
    """A record was read before another run wrote it: what follows from it is decided anew."""


class Backlog(Struct, frozen=True):
    """The orders of a store that wait for their import: when they were placed (UTC; None where
    the shop has not said), and their sums with tax by currency."""

    created: Sequence[datetime | None]
    sums: Mapping[str, Decimal]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.created)


class Orders:
    """The orders table. Methods write without a transaction of their own when inside one."""

    def __init__(self, db: LedgerDatabase) -> None:
        self._db = db
        self._orders, self._notes = db.table("orders"), db.table("notes")
        self._counts = db.table("order_counts")

    def get(self, identity: str, order_id: int) -> OrderRecord | None:
        """The record of an order, or None."""
        found = self._select("identity = ? AND order_id = ?", [identity, order_id])
        return next(found, None)

    def known(self, identity: str, order_ids: Sequence[int]) -> dict[int, OrderRecord]:
        """The records there are of these orders, by order id."""
        where = f"identity = ? AND order_id {IN_LIST}"
        found = self._select(where, [identity, json_list(order_ids)]) if order_ids else ()
        return {record.order_id: record for record in found}

    def save(self, records: Iterable[OrderRecord]) -> list[OrderRecord]:
        """Write the records, new or changed, all or none; returns them as they are saved.

        Raises `StaleRecord` where the ledger's is no longer the version that a record was read at.
        """
        saved = []
        with self._db.atomic():
            for record in records:
                after = replace(record, version=record.version + 1)
                if not self._db.execute(_INSERT, _row(after)).rowcount:
                    raise StaleRecord(f"order {record.number} was written by another run meanwhile")
                saved.append(after)
        return saved

    def forget_modified_after(self, identity: str, moment: datetime) -> None:
        """Forget modification times (UTC) that a store's clock has not reached again."""
        self._forget_modified("shop_modified > ?", [identity, time_text(moment)])

    def forget_modified(self, identity: str, order_ids: Iterable[int]) -> None:
        """Forget the modification times of these orders: what is heard next of them is true."""
        self._forget_modified(f"order_id {IN_LIST}", [identity, json_list(order_ids)])

    def _forget_modified(self, which: str, values: Sequence[object]) -> None:
        with self._db.atomic():
            self._db.execute(
                "UPDATE orders SET shop_modified = NULL, version = version + 1 "  # noqa: S608
                f"WHERE identity = ? AND {which}",
                values,
            )

    def add_notes(
        self, identity: str, order_id: int, notes: Iterable[Note], now: datetime
    ) -> list[Note]:
        """Keep notes; each is kept once. Returns those that are new."""
        new = []
        with self._db.atomic():
            for note in notes:
                cursor = self._db.execute(
                    "INSERT OR IGNORE INTO notes VALUES (?, ?, ?, ?, ?)",
                    [identity, order_id, str(note.reason), note.detail, time_text(now)],
                )
                if cursor.rowcount:
                    new.append(note)
        return new

    def notes(self, identity: str, order_id: int) -> list[tuple[datetime | None, Note]]:
        """An order's notes with the times they were made, oldest first."""
        return self.notes_of(identity, [order_id]).get(order_id, [])

    def notes_of(
        self, identity: str, order_ids: Sequence[int]
    ) -> dict[int, list[tuple[datetime | None, Note]]]:
        """The notes of these orders of a store, as far as there are any, as `notes` gives them."""
        where = f"identity = ? AND order_id {IN_LIST}"
        values = [identity, json_list(order_ids)]
        found: dict[int, list[tuple[datetime | None, Note]]] = {}
        for row in self._notes.rows_where(where, values, order_by="at, reason"):
            note = Note(Reason(row["reason"]), row["detail"])
            found.setdefault(row["order_id"], []).append((read_time(row["at"]), note))
        return found

    def due_for_import(self, identity: str, now: datetime, limit: int) -> list[OrderRecord]:
        """The oldest orders whose import may be tried now."""
        where = f"{DUE} AND {_WANTS_IMPORT} ORDER BY created, order_id LIMIT ?"
        return list(self._select(where, [identity, time_text(now), limit], "orders_to_import"))

    def due_for_fulfilment(self, identity: str, now: datetime) -> list[OrderRecord]:
        """Orders that one side has delivered or completed and the other has not, oldest first."""
        due = f"({DUE} OR identity = ? AND reason = 'shipping_fee_missing')"
        where = f"identity = ? AND {due} AND {_WANTS_FULFILMENT} ORDER BY created, order_id"
        return list(self._select(where, [identity, identity, time_text(now), identity], _BY_STATE))

    def sub_orders(self, identity: str, parent_id: int) -> list[OrderRecord]:
        """The orders whose goods are on this one too, as far as they are known."""
        where = "identity = ? AND parent_id = ? AND parent_id != 0"
        return list(self._select(where, [identity, parent_id], "orders_by_parent"))

    def left_to_parents(self, identity: str) -> int:
        """How many of a store's orders are left out since another holds their goods."""
        where = "identity = ? AND parent_id != 0 AND state = 'skipped' AND reason = 'sub_order'"
        return self._count(where, [identity], "orders_by_parent")

    def sold_at_till(self, identity: str) -> TillSales:
        """What was sold at a store's till and is not in Katana."""
        where = "identity = ? AND pieces IS NOT NULL AND in_katana = 'no' AND state = 'skipped'"
        rows = self._ask("pieces, created", where, [identity], "orders_of_till")
        sales = [(Decimal(row["pieces"]), read_time(row["created"])) for row in rows]
        since = min((created for _, created in sales if created is not None), default=None)
        return TillSales(len(sales), sum((pieces for pieces, _ in sales), Decimal(0)), since)

    def importing(self, identity: str) -> list[OrderRecord]:
        """Orders whose create was begun and has no outcome yet."""
        return list(self._select("identity = ? AND state = 'importing'", [identity], _BY_STATE))

    def with_fee_due(self, identity: str, now: datetime) -> list[OrderRecord]:
        """Orders in Katana whose shipping fee is not there yet and may be tried now; none that a
        person has left alone."""
        where = f"{DUE} AND shipping_fee_due = 1 AND in_katana = 'yes' AND state != 'ignored'"
        return list(self._select(where, [identity, time_text(now)], "orders_fee_due"))

    def by_sales_order(self, sales_order_ids: Sequence[int]) -> dict[int, OrderRecord]:
        """The records of these sales orders, by sales order id."""
        where = f"sales_order_id {IN_LIST}"
        found = self._select(where, [json_list(sales_order_ids)]) if sales_order_ids else ()
        return {r.sales_order_id: r for r in found if r.sales_order_id is not None}

    def by_number_in_katana(self, identity: str, number: str) -> list[OrderRecord]:
        """The store's orders that have this number in Katana."""
        where = "sales_order_no = ? AND sales_order_no != '' AND identity = ?"
        return list(self._select(where, [number, identity], "orders_by_sales_order_no"))

    def is_number_taken(self, number: str, identity: str, order_id: int) -> bool:
        """Whether another order has this number in Katana, or may have it: its create was sent."""
        for column in ("sales_order_no", "sent_as"):
            where = f"{column} = ? AND {column} != '' AND NOT (identity = ? AND order_id = ?)"
            if self._count(where, [number, identity, order_id], f"orders_by_{column}"):
                return True
        return False

    def identity_with_key(self, order_key: str, *, other_than: str) -> str | None:
        """Another store's identity under which an order with this key is known."""
        where = "order_key = ? AND order_key != '' AND identity != ?"
        rows = self._ask("identity", f"{where} LIMIT 1", [order_key, other_than])
        return next((str(row["identity"]) for row in rows), None)

    def find(
        self,
        *,
        identities: Sequence[str] = (),
        number: str = "",
        state: str = "",
        problems: bool = False,
        limit: int = -1,
    ) -> list[OrderRecord]:
        """Records for people to look at, newest first, as `each` gives them."""
        return list(
            self.each(
                identities=identities, number=number, state=state, problems=problems, limit=limit
            )
        )

    def each(
        self,
        *,
        identities: Sequence[str] = (),
        number: str = "",
        state: str = "",
        problems: bool = False,
        limit: int = -1,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[OrderRecord]:
        """Records for people to look at, newest first, one after the other.

        `number` is the shop's order number; `since` and before `until` (UTC) they were placed;
        `problems` keeps those failed or in attention, those
        whose create has no outcome yet, those fulfilled whose totals differ, and those that lack a
        note in the shop.
        """
        where, values = _wanted(identities, number, state, since, until)
        if problems:
            where.append(_PROBLEM)
        order = " ORDER BY created DESC, order_id DESC LIMIT ?"
        index = "orders_by_created"
        if problems:
            index = "orders_problems"
        elif identities and (number or state):
            index = "orders_by_number" if number else _BY_STATE
        return self._select(" AND ".join(where) + order, [*values, limit], index)

    def count(
        self,
        *,
        identities: Sequence[str],
        state: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> int:
        """How many records `each` gives without a limit."""
        where, values = _wanted(identities, "", state, since, until)
        return self._count(" AND ".join(where), values, "orders_by_created")

    def counts(self, identity: str) -> dict[str, int]:
        """How many orders a store has in each state that occurs."""
        rows = self._counts.rows_where("identity = ? AND count > 0", [identity])
        return {row["state"]: row["count"] for row in rows}

    def open_in_katana(self, identity: str) -> int:
        """How many of a store's orders are not completed and not given up."""
        where = f"identity = ? AND in_katana = 'yes' AND {_OPEN}"
        return self._count(where, [identity], _BY_STATE)

    def open_sales_orders(self, identities: Sequence[str]) -> list[int]:
        """The ids of the sales orders that are in Katana, for all that the ledger knows, and not
        delivered."""
        where = (
            f"identity {IN_LIST} AND {_UNDELIVERED} AND {_OPEN} "
            "AND sales_order_id IS NOT NULL ORDER BY sales_order_id"
        )
        rows = self._ask("sales_order_id", where, [json_list(identities)], _BY_STATE)
        return [row["sales_order_id"] for row in rows]

    def deleted_in_katana(self, identity: str) -> int:
        """How many of a store's orders were deleted in Katana."""
        return self._orders.count_where("identity = ? AND in_katana = 'deleted'", [identity])

    def import_span(self, identity: str) -> tuple[datetime | None, datetime | None]:
        """When the store's first and last order were imported (UTC), as far as is known."""
        span = "min(imported_at) AS first, max(imported_at) AS last"
        row = next(self._ask(span, "identity = ? AND in_katana != 'no'", [identity]))
        return read_time(row["first"]), read_time(row["last"])

    def in_katana_created(self, identity: str, begin: datetime, end: datetime) -> list[OrderRecord]:
        """A store's orders in Katana that were placed from `begin` to before `end` (UTC)."""
        where = "identity = ? AND in_katana = 'yes' AND created >= ? AND created < ?"
        return list(self._select(where, [identity, time_text(begin), time_text(end)]))

    def adopted_since(self, identity: str, moment: datetime) -> list[OrderRecord]:
        """A store's orders that another program put into Katana at this time (UTC) or later."""
        where = (
            "identity = ? AND imported_at >= ? AND order_id IN "
            "(SELECT order_id FROM notes WHERE identity = ? AND reason = 'adopted')"
        )
        return list(self._select(where, [identity, time_text(moment), identity]))

    def backlog(self, identity: str) -> Backlog:
        """The store's orders that are queued."""
        where = "identity = ? AND state = 'queued' AND in_katana = 'no'"
        rows = self._ask("currency, total, created", where, [identity], _BY_STATE)
        created: list[datetime | None] = []
        sums: dict[str, Decimal] = {}
        for row in rows:
            created.append(read_time(row["created"]))
            sums[row["currency"]] = sums.get(row["currency"], Decimal(0)) + Decimal(row["total"])
        return Backlog(created, sums)

    def oldest_queued(self, identity: str) -> datetime | None:
        """When the oldest order waiting for its import was placed (UTC); None where none is."""
        rows = self._db.query(
            "SELECT min(created) AS at FROM orders INDEXED BY orders_by_state "
            "WHERE identity = ? AND state = 'queued' AND in_katana = 'no'",
            [identity],
        )
        return read_time(next(iter(rows))["at"])

    def open_in_shop(self, identity: str, statuses: Sequence[str]) -> set[int]:
        """Ids of the orders that the ledger believes to be in these statuses in the shop."""
        return self._open(identity, f"shop_status {IN_LIST}", [json_list(statuses)])

    def undelivered(self, identity: str) -> set[int]:
        """Ids of the orders that the ledger believes to be in Katana, and not delivered there."""
        return self._open(identity, _UNDELIVERED, [])

    def _open(self, identity: str, where: str, values: Sequence[object]) -> set[int]:
        where = f"identity = ? AND state NOT IN ('fulfilled', 'skipped', 'ignored') AND {where}"
        rows = self._ask("order_id", where, [identity, *values], "orders_open")
        return {row["order_id"] for row in rows}

    def _select(
        self, where: str, values: Sequence[object], index: str = ""
    ) -> Iterator[OrderRecord]:
        return (_record(row) for row in self._ask(_COLUMNS, where, values, index))

    def _count(self, where: str, values: Sequence[object], index: str) -> int:
        return int(next(self._ask("count(*) AS n", where, values, index))["n"])

    def _ask(
        self, columns: str, where: str, values: Sequence[object], index: str = ""
    ) -> Iterator[dict[str, Any]]:
        """SQL, since sqlite-utils' `rows_where` names no index."""
        table = f"orders INDEXED BY {index}" if index else "orders"
        return self._db.query(f"SELECT {columns} FROM {table} WHERE {where}", values)  # noqa: S608


def _wanted(
    identities: Sequence[str],
    number: str,
    state: str,
    since: datetime | None,
    until: datetime | None,
) -> tuple[list[str], list[object]]:
    """The conditions for these records, and the values in them."""
    where, values = ["1"], list[object]()
    if identities:
        where.append(f"identity {IN_LIST}")
        values.append(json_list(identities))
    for condition, value in (
        ("number = ?", number),
        ("state = ?", state),
        ("created >= ?", time_text(since)),
        ("created < ?", time_text(until)),
    ):
        if value:
            where.append(condition)
            values.append(value)
    return where, values


def _row(record: OrderRecord) -> list[object]:
    return [
        value if value is None or type(value) is int else _stored(value)
        for value in astuple(record)
    ]


def _stored(value: object) -> object:
    if isinstance(value, str):
        # SQLite takes no lone surrogates
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, Decimal):
        return amount_text(value)
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return int(value) if isinstance(value, bool) else value


def _record(row: Mapping[str, Any]) -> OrderRecord:
    refunds = [each for each in row["refunds"].split(",") if each]
    return convert({**row, "refunds": refunds}, OrderRecord)
