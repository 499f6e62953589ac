"""What the ledger remembers for the stock sync. Each table, and what would go wrong without it:

- `stock_stores`: how far each store's stock is, also of one that `stores` does not know yet; every
  run would compare the whole shop, and an initial import could be done twice.
- `stock_due`: variants to look at for a store; what changed would be lost where a run ends between
  hearing of it, which moves the cursor, and setting it.
- `stock_touched`: items of a shop that are to become due, whose variants are not known yet; to find
  them out takes requests, which may fail after the cursor moved.
- `stock_committed`: what each open sales order commits; Katana reports no movement when that
  changes, and the orders of WooCommerce could not be told from others'
  (`count_other_commitments`).
- `stock_taken`: what each open order of a shop has taken from its stock; until Katana holds the
  order, its goods would be offered again.
- `stock_uncounted`: what this program created and nobody counted; the shop's stock would be set to
  Katana's 0 (rule 14).
- `stock_skus`: the variants that had each SKU; a second item of one SKU would go unseen where only
  the first one changed, or every look would cost a request more.
- `stock_bundles`: a location's bundles; nothing moves when the potential of one does, so the shop
  would learn of a component's sale in the next full comparison alone.
- `stock_pushed`: what each item was last set to; every quantity that was set would come back as an
  edit in the shop, and be looked at once more.
- `stock_left_out`: what is not set, and why; `status` would have to ask both sides to tell.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import asdict, astuple

from katana_woo_sync.domain.fields import convert
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.stock import LeftOut, ReducedStock
from katana_woo_sync.ledger.sqlite import (
    IN_LIST,
    LedgerDatabase,
    json_list,
    time_text,
)

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

    def __init__(self, db: LedgerDatabase) -> None:
        self._db = db
        self._stores, self._due = db.table("stock_stores"), db.table("stock_due")
        self._touched, self._committed = db.table("stock_touched"), db.table("stock_committed")
        self._taken, self._uncounted = db.table("stock_taken"), db.table("stock_uncounted")
        self._skus, self._bundles = db.table("stock_skus"), db.table("stock_bundles")
        self._pushed, self._left_out = db.table("stock_pushed"), db.table("stock_left_out")

    # Stores

    def state(self, identity: str) -> StockState | None:
        """How far the store's stock is; None where it was never worked."""
        row = self._stores.find(identity)
        return None if row is None else convert(row, StockState)

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
        where = "initial_location_id = ? AND initial_adjustment_id IS NOT NULL"
        rows = self._stores.rows_where(where, [location_id])
        return [(row["identity"], row["initial_adjustment_id"]) for row in rows]

    def _update(self, identity: str, **values: str | int | None) -> None:
        self._stores.put({"identity": identity, **values})

    # What is due

    def add_due(self, identity: str, variant_ids: Iterable[int]) -> None:
        """These variants are to be looked at for the store."""
        # replaced: what becomes due again comes after what was due when a run began
        rows = [{"identity": identity, "variant_id": variant_id} for variant_id in variant_ids]
        with self._db.atomic():
            self._due.insert_all(rows, replace=True)

    def due(self, identity: str) -> Due:
        """What is to be looked at for the store."""
        rows = list(self._due.rows_where("identity = ?", [identity], order_by="id"))
        return Due(tuple(row["variant_id"] for row in rows), rows[-1]["id"] if rows else 0)

    def done(self, identity: str, variant_ids: Iterable[int], up_to: int) -> None:
        """These were looked at, as far as they have not become due again since."""
        where = f"identity = ? AND variant_id {IN_LIST} AND id <= ?"
        self._due.delete_where(where, [identity, json_list(variant_ids), up_to])

    def touch(self, touched: Iterable[Touched]) -> None:
        """These are to be looked at, once it is known which variants they are."""
        with self._db.atomic():
            self._touched.upsert_all(map(asdict, touched))

    def touched(self, identities: Sequence[str]) -> list[Touched]:
        """What is to be looked at of these stores."""
        rows = self._touched.rows_where(f"identity {IN_LIST}", [json_list(identities)])
        return [convert(row, Touched) for row in rows]

    def untouch(self, touched: Iterable[Touched]) -> None:
        """These are due now as variants."""
        where = "identity = ? AND product_id = ? AND variation_id = ? AND sku = ?"
        with self._db.atomic():
            for each in touched:
                self._touched.delete_where(where, astuple(each))

    # What sales orders commit

    def committed(self, sales_order_ids: Sequence[int]) -> dict[int, dict[Place, Decimal]]:
        """What these sales orders committed when they were last heard."""
        ids = json_list(map(int, sales_order_ids))
        found: dict[int, dict[Place, Decimal]] = {}
        for row in self._committed.rows_where(f"sales_order_id {IN_LIST}", [ids]):
            places = found.setdefault(row["sales_order_id"], {})
            places[row["variant_id"], row["location_id"]] = Decimal(row["quantity"])
        return found

    def set_committed(
        self, sales_order_id: int, quantities: Mapping[Place, Decimal], *, is_woocommerce: bool
    ) -> None:
        """What a sales order commits now."""
        with self._db.atomic():
            self._committed.delete_where("sales_order_id = ?", [sales_order_id])
            self._committed.insert_all(
                {
                    "sales_order_id": sales_order_id,
                    "variant_id": variant_id,
                    "location_id": location_id,
                    "quantity": f"{quantity:f}",
                    "is_woocommerce": int(is_woocommerce),
                }
                for (variant_id, location_id), quantity in quantities.items()
            )

    def keep_committed(self, sales_order_ids: Collection[int]) -> None:
        """Forget what all other sales orders committed."""
        ids = json_list(map(int, sales_order_ids))
        self._committed.delete_where(f"sales_order_id NOT {IN_LIST}", [ids])

    def committed_by_woocommerce(self, location_id: int) -> dict[int, Decimal]:
        """What WooCommerce's orders commit at a location, by variant."""
        where = "location_id = ? AND is_woocommerce = 1"
        found: dict[int, Decimal] = {}
        for row in self._committed.rows_where(where, [location_id]):
            variant_id = row["variant_id"]
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
        order = [identity, order_id]
        with self._db.atomic():
            rows = list(self._taken.rows_where(_OF_ORDER, order))
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
            self._db.execute(f"DELETE FROM stock_taken WHERE {_OF_ORDER}", order)  # noqa: S608
            self._db.conn.executemany(
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
        where = "identity = ? AND line_id = 0 AND quantity = '0' AND heard_at < ?"
        self._taken.delete_where(where, [identity, time_text(before)])

    def forget_taken(
        self, identity: str, *, began: datetime, now: datetime, other_than: Collection[int]
    ) -> None:
        """Forget what was taken by orders that a scan, begun then, did not find open."""
        rows = self._taken.rows_where(
            "identity = ? AND NOT heard_at BETWEEN ? AND ? AND quantity != '0'",
            [identity, time_text(began), time_text(now)],
            select="DISTINCT order_id",
        )
        for order_id in [row["order_id"] for row in rows]:
            if order_id not in other_than:
                self.set_taken(identity, order_id, (), read_at=began, now=now)

    def scanned(self, identity: str, now: datetime) -> None:
        """The store's open orders were read for what they have taken."""
        self._update(identity, scanned_at=time_text(now))

    def taken(self, identities: Sequence[str]) -> list[ReducedStock]:
        """What orders of these stores have taken from their stock and Katana does not hold."""
        rows = self._db.query(
            f"{_TAKEN} t.identity {IN_LIST} AND {_NOT_HELD}", [json_list(identities)]
        )
        return [convert(row, ReducedStock) for row in rows]

    def touch_what_katana_took_over(self, now: datetime) -> None:
        """Touch what has come to be held by Katana, or has ceased to be, since it was looked at."""
        rows = list(self._db.query(f"{_TAKEN} t.counted != ({_NOT_HELD})"))
        with self._db.atomic():
            self.touch(convert(row, Touched) for row in rows)
            for r in rows:
                line = [r["identity"], r["order_id"], r["line_id"]]
                counted = 1 - r["counted"]
                self._taken.update_where(f"{_OF_ORDER} AND line_id = ?", line, counted=counted)

    # What is not pushed, and what was

    def add_uncounted(self, variant_ids: Iterable[int]) -> None:
        """This program created these, and nobody has counted them yet."""
        with self._db.atomic():
            self._uncounted.upsert_all({"variant_id": int(each)} for each in variant_ids)

    def counted(self, variant_ids: Iterable[int]) -> None:
        """Somebody has counted these, received them, or made them."""
        self._uncounted.delete_where(f"variant_id {IN_LIST}", [json_list(map(int, variant_ids))])

    def uncounted(self) -> set[int]:
        """What nobody has counted yet."""
        return {row["variant_id"] for row in self._uncounted.rows}

    def know_skus(self, skus: Mapping[str, Iterable[int]]) -> None:
        """Which variants have these SKUs; several make one ambiguous."""
        rows = [
            {"sku": sku, "variant_id": variant_id}
            for sku, ids in skus.items()
            for variant_id in sorted(set(ids))
        ]
        with self._db.atomic():
            self._skus.delete_where(f"sku {IN_LIST}", [json_list(skus)])
            self._skus.insert_all(rows)

    def skus(self, skus: Iterable[str]) -> dict[str, set[int]]:
        """Which variants had these SKUs when they were looked at last."""
        found: dict[str, set[int]] = {}
        for row in self._skus.rows_where(f"sku {IN_LIST}", [json_list(skus)]):
            found.setdefault(row["sku"], set()).add(row["variant_id"])
        return found

    def set_bundles(self, location_id: int, variant_ids: Iterable[int]) -> None:
        """The bundles at a location, whose potential follows their components."""
        with self._db.atomic():
            self._bundles.delete_where("location_id = ?", [location_id])
            self._bundles.upsert_all(
                {"location_id": location_id, "variant_id": each} for each in variant_ids
            )

    def bundles(self, location_id: int) -> list[int]:
        """The bundles at a location."""
        return [r["variant_id"] for r in self._bundles.rows_where("location_id = ?", [location_id])]

    def set_pushed(self, identity: str, quantities: Mapping[int, int]) -> None:
        """What products and variations of the store were set to; they are left out no more."""
        with self._db.atomic():
            self._pushed.upsert_all(
                {"identity": identity, "item_id": item_id, "quantity": quantity}
                for item_id, quantity in quantities.items()
            )

    def pushed(self, identity: str, item_ids: Sequence[int]) -> dict[int, int]:
        """What these products and variations were last set to."""
        where = f"identity = ? AND item_id {IN_LIST}"
        rows = self._pushed.rows_where(where, [identity, json_list(map(int, item_ids))])
        return {row["item_id"]: row["quantity"] for row in rows}

    def leave_out(
        self, identity: str, left_out: Iterable[LeftOut], *, looked_at: Iterable[int] | None
    ) -> None:
        """List what is not pushed. `looked_at` are the items of which that was asked; None: all."""
        with self._db.atomic():
            if looked_at is None:
                self._left_out.delete_where("identity = ?", [identity])
            else:
                where = f"identity = ? AND item_id {IN_LIST}"
                self._left_out.delete_where(where, [identity, json_list(map(int, looked_at))])
            self._left_out.upsert_all({"identity": identity, **asdict(each)} for each in left_out)

    def left_out(self, identity: str) -> list[LeftOut]:
        """What is not pushed, by SKU."""
        rows = self._left_out.rows_where("identity = ?", [identity], order_by="sku, item_id")
        return [convert(row, LeftOut) for row in rows]


_OF_ORDER = "identity = ? AND order_id = ?"

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
