"""What the ledger remembers for the stock sync."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct
from sqlite_utils import Database

from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.stock import LeftOut, ReducedStock
from katana_woo_sync.ledger.sqlite import read_time, time_text

Place = tuple[int, int]
"""A variant's id and a location's."""


class StockState(Struct, frozen=True):
    """How far a store's stock is; times UTC.

    `settings` is a digest of all that shaped the last full comparison, at `compared_at`; `managed`
    the number of its items that keep stock. `updated_at` is when the store's stock was last known
    to be what Katana says; `scanned_at` when its open orders were last read for what they took.
    """

    settings: str
    compared_at: datetime | None
    updated_at: datetime | None
    managed: int
    scanned_at: datetime | None
    error: str
    initial_adjustment_id: int | None
    initial_location_id: int | None


class Touched(Struct, frozen=True):
    """Something of a store's whose quantity is to be looked at."""

    identity: str
    product_id: int
    variation_id: int
    sku: str


class Due(Struct, frozen=True):
    """Variants that are due for a store, and up to which entry."""

    variant_ids: tuple[int, ...]
    up_to: int


class Stock:
    """What is due, and what the rules of stock need to know."""

    def __init__(self, db: Database) -> None:
        self._db = db

    # Stores

    def state(self, identity: str) -> StockState | None:
        """How far the store's stock is; None where it was never worked."""
        for row in self._db.query("SELECT * FROM stock_stores WHERE identity = ?", [identity]):
            return StockState(
                settings=row["settings"],
                compared_at=read_time(row["compared_at"]),
                updated_at=read_time(row["updated_at"]),
                managed=int(row["managed"]),
                scanned_at=read_time(row["scanned_at"]),
                error=row["error"],
                initial_adjustment_id=row["initial_adjustment_id"],
                initial_location_id=row["initial_location_id"],
            )
        return None

    def compared(self, identity: str, settings: str, managed: int, now: datetime) -> None:
        """The whole store was compared; what differs is due."""
        self._update(identity, settings=settings, managed=managed, compared_at=time_text(now))

    def compare_again(self, identity: str) -> None:
        """The whole store is to be compared at the next opportunity."""
        self._update(identity, compared_at=None)

    def updated(self, identity: str, now: datetime) -> None:
        """All that was due has been set."""
        self._update(identity, updated_at=time_text(now), error="")

    def went_wrong(self, identity: str, error: str) -> None:
        """The store's stock could not be worked."""
        self._update(identity, error=error)

    def initial(self, identity: str, adjustment_id: int, location_id: int) -> None:
        """The initial stock was imported as this stock adjustment."""
        self._update(identity, initial_adjustment_id=adjustment_id, initial_location_id=location_id)

    def initial_at(self, location_id: int) -> list[tuple[str, int]]:
        """The stores whose initial stock went to this location, with their stock adjustments."""
        rows = self._db.query(
            "SELECT identity, initial_adjustment_id AS id FROM stock_stores "
            "WHERE initial_location_id = ? AND initial_adjustment_id IS NOT NULL",
            [location_id],
        )
        return [(row["identity"], int(row["id"])) for row in rows]

    def _update(self, identity: str, **values: str | int | None) -> None:
        names = ", ".join(f"{name} = ?" for name in values)
        with self._db.atomic():
            self._db.execute("INSERT OR IGNORE INTO stock_stores (identity) VALUES (?)", [identity])
            self._db.execute(
                f"UPDATE stock_stores SET {names} WHERE identity = ?",  # noqa: S608
                [*values.values(), identity],
            )

    # What is due

    def add_due(self, identity: str, variant_ids: Iterable[int]) -> None:
        """These variants are to be looked at for the store."""
        self._many(
            "INSERT OR REPLACE INTO stock_due (identity, variant_id) VALUES (?, ?)",
            [(identity, variant_id) for variant_id in variant_ids],
        )

    def due(self, identity: str) -> Due:
        """What is to be looked at for the store."""
        rows = list(
            self._db.query(
                "SELECT id, variant_id FROM stock_due WHERE identity = ? ORDER BY id", [identity]
            )
        )
        ids = tuple(int(row["variant_id"]) for row in rows)
        return Due(ids, int(rows[-1]["id"]) if rows else 0)

    def done(self, identity: str, variant_ids: Iterable[int], up_to: int) -> None:
        """These were looked at, as far as they have not become due again since."""
        self._many(
            "DELETE FROM stock_due WHERE identity = ? AND variant_id = ? AND id <= ?",
            [(identity, variant_id, up_to) for variant_id in variant_ids],
        )

    def touch(self, touched: Iterable[Touched]) -> None:
        """These are to be looked at, once it is known which variants they are."""
        self._many(
            "INSERT OR IGNORE INTO stock_touched VALUES (?, ?, ?, ?)",
            [(t.identity, t.product_id, t.variation_id, t.sku) for t in touched],
        )

    def touched(self, identities: Sequence[str]) -> list[Touched]:
        """What is to be looked at of these stores."""
        rows = self._db.query(
            "SELECT * FROM stock_touched WHERE identity IN (SELECT value FROM json_each(?))",
            [json.dumps(list(identities))],
        )
        return [
            Touched(row["identity"], row["product_id"], row["variation_id"], row["sku"])
            for row in rows
        ]

    def untouch(self, touched: Iterable[Touched]) -> None:
        """These are due now as variants."""
        self._many(
            "DELETE FROM stock_touched WHERE identity = ? AND product_id = ? "
            "AND variation_id = ? AND sku = ?",
            [(t.identity, t.product_id, t.variation_id, t.sku) for t in touched],
        )

    # What sales orders commit

    def committed(self, sales_order_ids: Sequence[int]) -> dict[int, dict[Place, Decimal]]:
        """What these sales orders committed when they were last heard."""
        rows = self._db.query(
            "SELECT * FROM stock_committed "
            "WHERE sales_order_id IN (SELECT value FROM json_each(?))",
            [json.dumps([int(i) for i in sales_order_ids])],
        )
        found: dict[int, dict[Place, Decimal]] = {}
        for row in rows:
            places = found.setdefault(int(row["sales_order_id"]), {})
            places[row["variant_id"], row["location_id"]] = Decimal(row["quantity"])
        return found

    def set_committed(
        self, sales_order_id: int, quantities: Mapping[Place, Decimal], *, is_woocommerce: bool
    ) -> None:
        """What a sales order commits now."""
        with self._db.atomic():
            self._db.execute(
                "DELETE FROM stock_committed WHERE sales_order_id = ?", [sales_order_id]
            )
            self._many(
                "INSERT INTO stock_committed VALUES (?, ?, ?, ?, ?)",
                [
                    (sales_order_id, *place, f"{quantity:f}", int(is_woocommerce))
                    for place, quantity in quantities.items()
                ],
            )

    def keep_committed(self, sales_order_ids: Collection[int]) -> None:
        """Forget what all other sales orders committed."""
        with self._db.atomic():
            self._db.execute(
                "DELETE FROM stock_committed "
                "WHERE sales_order_id NOT IN (SELECT value FROM json_each(?))",
                [json.dumps(sorted(sales_order_ids))],
            )

    def committed_by_woocommerce(self, location_id: int) -> dict[int, Decimal]:
        """What WooCommerce's orders commit at a location, by variant."""
        rows = self._db.query(
            "SELECT variant_id, quantity FROM stock_committed "
            "WHERE location_id = ? AND is_woocommerce = 1",
            [location_id],
        )
        found: dict[int, Decimal] = {}
        for row in rows:
            variant_id = int(row["variant_id"])
            found[variant_id] = found.get(variant_id, Decimal(0)) + Decimal(row["quantity"])
        return found

    # What the shops' orders have taken

    def set_taken(
        self,
        identity: str,
        order_id: int,
        taken: Sequence[ReducedStock],
        *,
        read_at: datetime,
        now: datetime,
    ) -> None:
        """What an order has taken from its shop's stock, as of a reading begun at `read_at` (UTC);
        what changes of it is touched. What was read since stands, but for what this machine's clock
        dated later than now before it was set right.

        An order that takes nothing keeps a row that says so, for as long as an older reading may
        still come.
        """
        with self._db.atomic():
            rows = list(
                self._db.query(
                    "SELECT * FROM stock_taken WHERE identity = ? AND order_id = ?",
                    [identity, order_id],
                )
            )
            read, latest = str(time_text(read_at)), str(time_text(now))
            if any(read < row["heard_at"] <= latest for row in rows):
                return
            before = {
                row["line_id"]: (
                    row["product_id"],
                    row["variation_id"],
                    row["sku"],
                    row["quantity"],
                )
                for row in rows
            }
            if before.get(0) == _NOTHING:
                del before[0]
            after = {
                t.line_id: (t.product_id, t.variation_id, t.sku, f"{t.quantity:f}") for t in taken
            }
            self._db.execute(
                "DELETE FROM stock_taken WHERE identity = ? AND order_id = ?", [identity, order_id]
            )
            self._many(
                "INSERT INTO stock_taken VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?)",
                [
                    (identity, order_id, line_id, *values, read)
                    for line_id, values in (after or {0: _NOTHING}).items()
                ],
            )
            differing = {
                values
                for line_id in before.keys() | after.keys()
                if before.get(line_id) != after.get(line_id)
                for values in (before.get(line_id), after.get(line_id))
                if values is not None
            }
            self.touch(Touched(identity, p, v, sku) for p, v, sku, _quantity in differing)

    def forget_nothing_taken(self, identity: str, before: datetime) -> None:
        """Forget that orders had taken nothing when they were read before then."""
        with self._db.atomic():
            self._db.execute(
                "DELETE FROM stock_taken "
                "WHERE identity = ? AND line_id = 0 AND quantity = '0' AND heard_at < ?",
                [identity, time_text(before)],
            )

    def forget_taken(
        self, identity: str, *, began: datetime, now: datetime, other_than: Collection[int]
    ) -> None:
        """Forget what was taken by orders that a scan, begun then, did not find open."""
        rows = self._db.query(
            "SELECT DISTINCT order_id FROM stock_taken "
            "WHERE identity = ? AND NOT heard_at BETWEEN ? AND ? AND quantity != '0'",
            [identity, time_text(began), time_text(now)],
        )
        for order_id in [int(row["order_id"]) for row in rows]:
            if order_id not in other_than:
                self.set_taken(identity, order_id, (), read_at=began, now=now)

    def scanned(self, identity: str, now: datetime) -> None:
        """The store's open orders were read for what they have taken."""
        self._update(identity, scanned_at=time_text(now))

    def taken(self, identities: Sequence[str]) -> list[ReducedStock]:
        """What orders of these stores have taken from their stock and Katana does not hold."""
        rows = self._db.query(
            f"{_TAKEN} t.identity IN (SELECT value FROM json_each(?)) AND {_NOT_HELD}",  # noqa: S608
            [json.dumps(list(identities))],
        )
        return [_taken(row) for row in rows]

    def touch_what_katana_took_over(self, now: datetime) -> None:
        """Touch what has come to be held by Katana, or has ceased to be, since it was looked at."""
        rows = list(self._db.query(f"{_TAKEN} t.counted != ({_NOT_HELD})"))
        with self._db.atomic():
            self.touch(
                Touched(r["identity"], r["product_id"], r["variation_id"], r["sku"]) for r in rows
            )
            self._many(
                "UPDATE stock_taken SET counted = 1 - counted "
                "WHERE identity = ? AND order_id = ? AND line_id = ?",
                [(r["identity"], r["order_id"], r["line_id"]) for r in rows],
            )

    # What is not pushed, and what was

    def add_uncounted(self, variant_ids: Iterable[int]) -> None:
        """This program created these, and nobody has counted them yet."""
        self._many(
            "INSERT OR IGNORE INTO stock_uncounted VALUES (?)", [(int(v),) for v in variant_ids]
        )

    def counted(self, variant_ids: Iterable[int]) -> None:
        """Somebody has counted these, received them, or made them."""
        self._many(
            "DELETE FROM stock_uncounted WHERE variant_id = ?", [(int(v),) for v in variant_ids]
        )

    def uncounted(self) -> set[int]:
        """What nobody has counted yet."""
        return {int(r["variant_id"]) for r in self._db.query("SELECT * FROM stock_uncounted")}

    def know_skus(self, skus: Mapping[str, Iterable[int]]) -> None:
        """Which variants have these SKUs; several make one ambiguous."""
        self._many("DELETE FROM stock_skus WHERE sku = ?", [(sku,) for sku in skus])
        self._many(
            "INSERT INTO stock_skus VALUES (?, ?)",
            [(sku, variant_id) for sku, ids in skus.items() for variant_id in sorted(set(ids))],
        )

    def skus(self, skus: Iterable[str]) -> dict[str, set[int]]:
        """Which variants had these SKUs when they were looked at last."""
        rows = self._db.query(
            "SELECT * FROM stock_skus WHERE sku IN (SELECT value FROM json_each(?))",
            [json.dumps(list(skus))],
        )
        found: dict[str, set[int]] = {}
        for row in rows:
            found.setdefault(row["sku"], set()).add(int(row["variant_id"]))
        return found

    def set_bundles(self, location_id: int, variant_ids: Iterable[int]) -> None:
        """The bundles at a location, whose potential follows their components."""
        with self._db.atomic():
            self._db.execute("DELETE FROM stock_bundles WHERE location_id = ?", [location_id])
            self._many(
                "INSERT INTO stock_bundles VALUES (?, ?)", [(location_id, v) for v in variant_ids]
            )

    def bundles(self, location_id: int) -> list[int]:
        """The bundles at a location."""
        rows = self._db.query(
            "SELECT variant_id FROM stock_bundles WHERE location_id = ?", [location_id]
        )
        return [int(row["variant_id"]) for row in rows]

    def set_pushed(self, identity: str, quantities: Mapping[int, int]) -> None:
        """What products and variations of the store were set to; they are left out no more."""
        with self._db.atomic():
            self._many(
                "INSERT OR REPLACE INTO stock_pushed VALUES (?, ?, ?)",
                [(identity, item_id, quantity) for item_id, quantity in quantities.items()],
            )

    def pushed(self, identity: str, item_ids: Sequence[int]) -> dict[int, int]:
        """What these products and variations were last set to."""
        rows = self._db.query(
            "SELECT item_id, quantity FROM stock_pushed "
            "WHERE identity = ? AND item_id IN (SELECT value FROM json_each(?))",
            [identity, json.dumps([int(i) for i in item_ids])],
        )
        return {int(row["item_id"]): int(row["quantity"]) for row in rows}

    def leave_out(
        self, identity: str, left_out: Iterable[LeftOut], *, looked_at: Iterable[int] | None
    ) -> None:
        """List what is not pushed. `looked_at` are the items of which that was asked; None: all."""
        with self._db.atomic():
            if looked_at is None:
                self._db.execute("DELETE FROM stock_left_out WHERE identity = ?", [identity])
            else:
                self._many(
                    "DELETE FROM stock_left_out WHERE identity = ? AND item_id = ?",
                    [(identity, item_id) for item_id in looked_at],
                )
            self._many(
                "INSERT OR REPLACE INTO stock_left_out VALUES (?, ?, ?, ?, ?)",
                [(identity, o.item_id, o.sku, str(o.reason), o.detail) for o in left_out],
            )

    def left_out(self, identity: str) -> list[LeftOut]:
        """What is not pushed, by SKU."""
        rows = self._db.query(
            "SELECT * FROM stock_left_out WHERE identity = ? ORDER BY sku, item_id", [identity]
        )
        return [LeftOut(r["item_id"], r["sku"], r["reason"], r["detail"]) for r in rows]

    def _many(self, statement: str, rows: Sequence[Sequence[str | int | None]]) -> None:
        if rows:
            with self._db.atomic():
                self._db.conn.executemany(statement, rows)


_NOTHING = (0, 0, "", "0")
"""Product, variation, SKU and quantity of the row of an order that takes nothing; its line is 0."""

_TAKEN = """
SELECT t.* FROM stock_taken t
LEFT JOIN orders o ON o.identity = t.identity AND o.order_id = t.order_id
WHERE t.quantity != '0' AND
"""
_GOODS_ELSEWHERE = ", ".join(f"'{reason}'" for reason in Reason if reason.about.goods_elsewhere)
_NOT_HELD = (
    "(o.in_katana IS NULL OR (o.in_katana != 'yes' "
    f"AND NOT (o.state = 'skipped' AND o.reason IN ({_GOODS_ELSEWHERE}))))"
)
"""Nor counts what an order has taken whose goods another holds too."""


def _taken(row: Mapping[str, object]) -> ReducedStock:
    return ReducedStock(
        identity=str(row["identity"]),
        line_id=int(str(row["line_id"])),
        product_id=int(str(row["product_id"])),
        variation_id=int(str(row["variation_id"])),
        sku=str(row["sku"]),
        quantity=Decimal(str(row["quantity"])),
    )
