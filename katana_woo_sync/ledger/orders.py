"""Orders in the ledger, and the questions that the sync asks of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import astuple, replace
from sqlite_utils import Database

from katana_woo_sync.domain.katana import ShippingFeeDraft
from katana_woo_sync.domain.order_record import InKatana, OrderRecord, State, TillSales
from katana_woo_sync.domain.order_rules import Note
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.ledger.sqlite import amount_text, read_amount, read_time, time_text

COLUMNS = OrderRecord.__struct_fields__
_INSERT = (
    f"INSERT INTO orders ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))}) "  # noqa: S608
    "ON CONFLICT (identity, order_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in COLUMNS[2:])
    + " WHERE orders.version = excluded.version - 1"
)
_DUE = "identity = ? AND (next_attempt_at IS NULL OR next_attempt_at <= ?)"
_WANTS_IMPORT = """in_katana = 'no' AND state IN ('queued', 'failed', 'attention')
    AND (state != 'attention' OR next_attempt_at IS NOT NULL)"""
_WANTS_FULFILMENT = """in_katana = 'yes'
    AND state IN ('queued', 'importing', 'imported', 'skipped', 'failed', 'attention') AND (
    (katana_status = 'DELIVERED' AND shop_status != 'completed')
    OR (katana_status != 'DELIVERED' AND shop_status IN ('completed', 'cancelled')))"""
"""Cancelled orders are among them: they may be deleted in Katana (`cancelled`)."""

_BY_STATE = "orders_by_state"
"""The index to go by where only some states are wanted. It must be named: without statistics
SQLite goes through all of a store's orders, and a cycle would cost more with every year."""

_STATES = {str(state): state for state in State}
_IN_KATANA = {str(each): each for each in InKatana}

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

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, identity: str, order_id: int) -> OrderRecord | None:
        """The record of an order, or None."""
        found = self._select("identity = ? AND order_id = ?", [identity, order_id])
        return next(found, None)

    def known(self, identity: str, order_ids: Sequence[int]) -> dict[int, OrderRecord]:
        """The records there are of these orders, by order id."""
        records: dict[int, OrderRecord] = {}
        for start in range(0, len(order_ids), 500):
            ids = list(order_ids[start : start + 500])
            marks = ", ".join("?" * len(ids))
            where = f"identity = ? AND order_id IN ({marks})"
            records.update((r.order_id, r) for r in self._select(where, [identity, *ids]))
        return records

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
        with self._db.atomic():
            self._db.execute(
                "UPDATE orders SET shop_modified = NULL, version = version + 1 "
                "WHERE identity = ? AND shop_modified > ?",
                [identity, time_text(moment)],
            )

    def forget_modified(self, identity: str, order_ids: Iterable[int]) -> None:
        """Forget the modification times of these orders: what is heard next of them is true."""
        with self._db.atomic():
            for order_id in order_ids:
                self._db.execute(
                    "UPDATE orders SET shop_modified = NULL, version = version + 1 "
                    "WHERE identity = ? AND order_id = ?",
                    [identity, order_id],
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
        rows = self._db.query(
            "SELECT reason, detail, at FROM notes WHERE identity = ? AND order_id = ? "
            "ORDER BY at, reason",
            [identity, order_id],
        )
        return [(read_time(row["at"]), Note(Reason(row["reason"]), row["detail"])) for row in rows]

    def due_for_import(self, identity: str, now: datetime, limit: int) -> list[OrderRecord]:
        """The oldest orders whose import may be tried now."""
        where = f"{_DUE} AND {_WANTS_IMPORT} ORDER BY created, order_id LIMIT ?"
        return list(self._select(where, [identity, time_text(now), limit], "orders_to_import"))

    def due_for_fulfilment(self, identity: str, now: datetime) -> list[OrderRecord]:
        """Orders that one side has delivered or completed and the other has not, oldest first."""
        due = f"({_DUE} OR identity = ? AND reason = 'shipping_fee_missing')"
        where = f"identity = ? AND {due} AND {_WANTS_FULFILMENT} ORDER BY created, order_id"
        return list(self._select(where, [identity, identity, time_text(now), identity], _BY_STATE))

    def sub_orders(self, identity: str, parent_id: int) -> list[OrderRecord]:
        """The orders whose goods are on this one too, as far as they are known."""
        where = "identity = ? AND parent_id = ? AND parent_id != 0"
        return list(self._select(where, [identity, parent_id], "orders_by_parent"))

    def left_to_parents(self, identity: str) -> int:
        """How many of a store's orders are left out since another holds their goods."""
        rows = self._db.query(
            "SELECT count(*) AS n FROM orders INDEXED BY orders_by_parent "
            "WHERE identity = ? AND parent_id != 0 AND state = 'skipped' AND reason = 'sub_order'",
            [identity],
        )
        return int(next(iter(rows))["n"])

    def sold_at_till(self, identity: str) -> TillSales:
        """What was sold at a store's till and is not in Katana."""
        rows = self._db.query(
            "SELECT pieces, created FROM orders INDEXED BY orders_of_till "
            "WHERE identity = ? AND pieces IS NOT NULL AND in_katana = 'no' AND state = 'skipped'",
            [identity],
        )
        sales = [(Decimal(row["pieces"]), read_time(row["created"])) for row in rows]
        since = min((created for _, created in sales if created is not None), default=None)
        return TillSales(len(sales), sum((pieces for pieces, _ in sales), Decimal(0)), since)

    def importing(self, identity: str) -> list[OrderRecord]:
        """Orders whose create was begun and has no outcome yet."""
        return list(self._select("identity = ? AND state = 'importing'", [identity], _BY_STATE))

    def with_fee_due(self, identity: str, now: datetime) -> list[OrderRecord]:
        """Orders in Katana whose shipping fee is not there yet and may be tried now."""
        return list(
            self._select(
                "identity = ? AND shipping_fee_due = 1 AND in_katana = 'yes' "
                "AND (next_attempt_at IS NULL OR next_attempt_at <= ?)",
                [identity, time_text(now)],
                "orders_fee_due",
            )
        )

    def by_sales_order(self, sales_order_ids: Sequence[int]) -> dict[int, OrderRecord]:
        """The records of these sales orders, by sales order id."""
        found: dict[int, OrderRecord] = {}
        for start in range(0, len(sales_order_ids), 500):
            ids = list(sales_order_ids[start : start + 500])
            where = f"sales_order_id IN ({', '.join('?' * len(ids))})"
            for record in self._select(where, ids):
                if record.sales_order_id is not None:
                    found[record.sales_order_id] = record
        return found

    def is_number_taken(self, number: str, identity: str, order_id: int) -> bool:
        """Whether another order has this number in Katana, or may have it: its create was sent."""
        for column in ("sales_order_no", "sent_as"):
            rows = self._db.query(
                f"SELECT 1 FROM orders INDEXED BY orders_by_{column} "  # noqa: S608
                f"WHERE {column} = ? AND {column} != '' AND NOT (identity = ? AND order_id = ?) "
                "LIMIT 1",
                [number, identity, order_id],
            )
            if any(rows):
                return True
        return False

    def identity_with_key(self, order_key: str, *, other_than: str) -> str | None:
        """Another store's identity under which an order with this key is known."""
        rows = self._db.query(
            "SELECT identity FROM orders WHERE order_key = ? AND order_key != '' "
            "AND identity != ? LIMIT 1",
            [order_key, other_than],
        )
        for row in rows:
            return str(row["identity"])
        return None

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
    ) -> Iterator[OrderRecord]:
        """Records for people to look at, newest first, one after the other.

        `number` is the shop's order number; `problems` keeps those failed or in attention, those
        whose create has no outcome yet, those fulfilled whose totals differ, and those that lack a
        note in the shop.
        """
        where, values = ["1"], list[object]()
        if identities:
            where.append(f"identity IN ({', '.join('?' * len(identities))})")
            values += identities
        for column, value in (("number", number), ("state", state)):
            if value:
                where.append(f"{column} = ?")
                values.append(value)
        if problems:
            where.append(_PROBLEM)
        order = " ORDER BY created DESC, order_id DESC LIMIT ?"
        index = "orders_by_created"
        if problems:
            index = "orders_problems"
        elif identities and (number or state):
            index = "orders_by_number" if number else _BY_STATE
        return self._select(" AND ".join(where) + order, [*values, limit], index)

    def counts(self, identity: str) -> dict[str, int]:
        """How many orders a store has in each state that occurs."""
        rows = self._db.query(
            "SELECT state, count FROM order_counts WHERE identity = ? AND count > 0", [identity]
        )
        return {str(row["state"]): int(str(row["count"])) for row in rows}

    def open_in_katana(self, identity: str) -> int:
        """How many of a store's orders are not completed and not given up."""
        rows = self._db.query(
            f"SELECT count(*) AS n FROM orders INDEXED BY {_BY_STATE} "  # noqa: S608
            "WHERE identity = ? AND in_katana = 'yes' "
            "AND state IN ('queued', 'importing', 'imported', 'failed', 'attention')",
            [identity],
        )
        return int(next(iter(rows))["n"])

    def open_sales_orders(self, identities: Sequence[str]) -> list[int]:
        """The ids of the sales orders that are in Katana, for all that the ledger knows, and not
        delivered."""
        marks = ", ".join("?" * len(identities))
        rows = self._db.query(
            f"SELECT sales_order_id FROM orders INDEXED BY {_BY_STATE} "  # noqa: S608
            f"WHERE identity IN ({marks}) AND in_katana = 'yes' AND katana_status != 'DELIVERED' "
            "AND state IN ('queued', 'importing', 'imported', 'failed', 'attention') "
            "AND sales_order_id IS NOT NULL ORDER BY sales_order_id",
            list(identities),
        )
        return [int(row["sales_order_id"]) for row in rows]

    def deleted_in_katana(self, identity: str) -> int:
        """How many of a store's orders were deleted in Katana."""
        rows = self._db.query(
            "SELECT count(*) AS n FROM orders WHERE identity = ? AND in_katana = 'deleted'",
            [identity],
        )
        return int(next(iter(rows))["n"])

    def import_span(self, identity: str) -> tuple[datetime | None, datetime | None]:
        """When the store's first and last order were imported (UTC), as far as is known."""
        rows = self._db.query(
            "SELECT min(imported_at) AS first, max(imported_at) AS last FROM orders "
            "WHERE identity = ? AND in_katana != 'no'",
            [identity],
        )
        row = next(iter(rows))
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
        rows = self._db.query(
            f"SELECT currency, total, created FROM orders INDEXED BY {_BY_STATE} "  # noqa: S608
            "WHERE identity = ? AND state = 'queued' AND in_katana = 'no'",
            [identity],
        )
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
        marks = ", ".join("?" * len(statuses))
        rows = self._db.query(
            "SELECT order_id FROM orders INDEXED BY orders_open "  # noqa: S608
            f"WHERE identity = ? AND shop_status IN ({marks}) "
            "AND state NOT IN ('fulfilled', 'skipped', 'ignored')",
            [identity, *statuses],
        )
        return {int(row["order_id"]) for row in rows}

    def _select(
        self, where: str, values: Sequence[object], index: str = ""
    ) -> Iterator[OrderRecord]:
        table = f"orders INDEXED BY {index}" if index else "orders"
        columns = ", ".join(COLUMNS)
        rows = self._db.query(f"SELECT {columns} FROM {table} WHERE {where}", values)  # noqa: S608
        for row in rows:
            yield _record(row)


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


def _record(row: Mapping[str, object]) -> OrderRecord:
    values = dict(row)
    for name in (
        "created",
        "shop_modified",
        "shop_completed",
        "completed_at",
        "delivered_at",
        "next_attempt_at",
        "first_seen_at",
        "imported_at",
        "paid",
    ):
        values[name] = read_time(values[name])
    for name in ("total", "katana_total", "expected", "tolerance", "pieces"):
        values[name] = read_amount(values[name])
    for name in ("needs_processing", "was_processing", "shipping_fee_due", "wanted"):
        values[name] = bool(values[name])
    refunds = str(values["refunds"])
    values["refunds"] = tuple(int(part) for part in refunds.split(",") if part)
    values["state"] = _STATES[str(values["state"])]
    values["in_katana"] = _IN_KATANA[str(values["in_katana"])]
    return OrderRecord(**values)  # type: ignore[arg-type]  # the columns are the fields


class ShippingFees:
    """The fee of an order as it is to be sent; amounts without tax, in the order's currency."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def keep(self, identity: str, order_id: int, fee: ShippingFeeDraft) -> None:
        """Keep the fee that an order is to have, before the order is created."""
        with self._db.atomic():
            self._db.execute(
                "INSERT OR REPLACE INTO shipping_fees VALUES (?, ?, ?, ?, ?)",
                [identity, order_id, fee.amount, fee.tax_rate_id, fee.description or ""],
            )

    def due(self, identity: str, order_id: int, sales_order_id: int) -> ShippingFeeDraft | None:
        """The fee of an order, for its sales order; None where none was kept."""
        rows = self._db.query(
            "SELECT amount, tax_rate_id, description FROM shipping_fees "
            "WHERE identity = ? AND order_id = ?",
            [identity, order_id],
        )
        for row in rows:
            return ShippingFeeDraft(
                sales_order_id=sales_order_id,
                amount=row["amount"],
                tax_rate_id=int(row["tax_rate_id"]),
                description=row["description"] or None,
            )
        return None

    def settled(self, identity: str, order_id: int) -> None:
        """The fee is in Katana, or nothing more is to be done about it."""
        with self._db.atomic():
            self._db.execute(
                "DELETE FROM shipping_fees WHERE identity = ? AND order_id = ?",
                [identity, order_id],
            )


class DueNote(Struct, frozen=True):
    """A note of a kind ("import", "tracking") that an order is to have; sent so many times."""

    order_id: int
    kind: str
    attempts: int


class ShopNotes:
    """The shop_notes table; times UTC."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, identity: str, order_id: int, kind: str) -> None:
        """The order is to have a note of this kind. One that is due already stays as it is."""
        with self._db.atomic():
            self._db.execute(
                "INSERT OR IGNORE INTO shop_notes (identity, order_id, kind, attempts) "
                "VALUES (?, ?, ?, 0)",
                [identity, order_id, kind],
            )

    def due(self, identity: str, now: datetime, order_id: int | None = None) -> list[DueNote]:
        """The notes that may be sent now, of one order or of all."""
        rows = self._db.query(
            "SELECT order_id, kind, attempts FROM shop_notes WHERE identity = ? "
            "AND order_id = coalesce(?, order_id) "
            "AND (next_attempt_at IS NULL OR next_attempt_at <= ?) ORDER BY order_id, kind",
            [identity, order_id, time_text(now)],
        )
        return [DueNote(int(r["order_id"]), str(r["kind"]), int(r["attempts"])) for r in rows]

    def retry(self, identity: str, order_id: int) -> None:
        """The order's notes may be sent at once."""
        with self._db.atomic():
            self._db.execute(
                "UPDATE shop_notes SET next_attempt_at = NULL WHERE identity = ? AND order_id = ?",
                [identity, order_id],
            )

    def sending(self, identity: str, note: DueNote, again_at: datetime) -> None:
        """The note is about to be sent; if nothing more is heard of it, it is looked for then."""
        with self._db.atomic():
            self._db.execute(
                "UPDATE shop_notes SET attempts = attempts + 1, next_attempt_at = ? "
                "WHERE identity = ? AND order_id = ? AND kind = ?",
                [time_text(again_at), identity, note.order_id, note.kind],
            )

    def settled(self, identity: str, note: DueNote) -> None:
        """The note is there, or there is nothing to tell."""
        with self._db.atomic():
            self._db.execute(
                "DELETE FROM shop_notes WHERE identity = ? AND order_id = ? AND kind = ?",
                [identity, note.order_id, note.kind],
            )
