"""What the ledger remembers of Katana's items, tax rates, locations and customers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal

from sqlite_utils import Database

from katana_woo_sync.domain.customers import KnownCustomer, Person
from katana_woo_sync.domain.fields import Amount, Text, Whole
from katana_woo_sync.domain.katana import Location, TaxRate


class Catalogue:
    """Remembered items. What Katana refuses is forgotten, and asked for anew."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def product(self, identity: str, product_id: int, variation_id: int) -> tuple[str, int] | None:
        """The SKU and Katana variant with which a store's product or variation was matched."""
        rows = self._db.query(
            "SELECT sku, variant_id FROM products "
            "WHERE identity = ? AND product_id = ? AND variation_id = ?",
            [identity, product_id, variation_id],
        )
        return next(((row["sku"], int(row["variant_id"])) for row in rows), None)

    def remember_product(
        self, identity: str, product_id: int, variation_id: int, sku: str, variant_id: int
    ) -> None:
        """Remember the Katana variant of a store's product or variation."""
        with self._db.atomic():
            self._db.execute(
                "INSERT OR REPLACE INTO products VALUES (?, ?, ?, ?, ?)",
                [identity, product_id, variation_id, sku, variant_id],
            )

    def siblings(self, identity: str, product_id: int) -> list[int]:
        """The Katana variants remembered for the variations of a store's product.

        What the product was before it had variations is none of them: it has no options.
        """
        rows = self._db.query(
            "SELECT DISTINCT variant_id FROM products "
            "WHERE identity = ? AND product_id = ? AND variation_id != 0",
            [identity, product_id],
        )
        return [int(row["variant_id"]) for row in rows]

    def sold_as(self, identity: str, variant_ids: Sequence[int]) -> list[tuple[int, int]]:
        """The products and variations of a store that were matched with these variants."""
        rows = self._db.query(
            "SELECT product_id, variation_id FROM products "
            "WHERE identity = ? AND variant_id IN (SELECT value FROM json_each(?))",
            [identity, json.dumps([int(variant_id) for variant_id in variant_ids])],
        )
        return [(int(row["product_id"]), int(row["variation_id"])) for row in rows]

    def deleted_product(self, identity: str, name: str) -> int | None:
        """The Katana variant of a product of this name that the shop has deleted."""
        rows = self._db.query(
            "SELECT variant_id FROM deleted_products WHERE identity = ? AND name = ?",
            [identity, name],
        )
        return next((int(row["variant_id"]) for row in rows), None)

    def remember_deleted_product(self, identity: str, name: str, variant_id: int) -> None:
        """Remember the Katana variant of a product that the shop has deleted."""
        with self._db.atomic():
            self._db.execute(
                "INSERT OR REPLACE INTO deleted_products VALUES (?, ?, ?)",
                [identity, name, variant_id],
            )

    def variants(self, skus: Sequence[str]) -> dict[str, int]:
        """The Katana variants known for these SKUs (exact case)."""
        found: dict[str, int] = {}
        for start in range(0, len(skus), 500):
            part = list(skus[start : start + 500])
            marks = ", ".join("?" * len(part))
            rows = self._db.query(
                f"SELECT sku, variant_id FROM variants WHERE sku IN ({marks})",  # noqa: S608
                part,
            )
            found.update((row["sku"], int(row["variant_id"])) for row in rows)
        return found

    def remember_variant(self, sku: str, variant_id: int) -> None:
        """Remember the Katana variant of a SKU."""
        with self._db.atomic():
            self._db.execute("INSERT OR REPLACE INTO variants VALUES (?, ?)", [sku, variant_id])

    def forget_variants(self, variant_ids: Iterable[int]) -> None:
        """Forget variants that Katana refused, so that they are asked for anew."""
        with self._db.atomic():
            for variant_id in variant_ids:
                self._db.execute("DELETE FROM variants WHERE variant_id = ?", [variant_id])
                self._db.execute("DELETE FROM products WHERE variant_id = ?", [variant_id])
                self._db.execute("DELETE FROM deleted_products WHERE variant_id = ?", [variant_id])

    def forget_changed(self, changed: Iterable[tuple[str, int]]) -> None:
        """Forget what these variants of Katana's, as they are now (SKU and id), put in doubt: SKUs
        that they have taken from another, or given up. What is forgotten is asked for anew."""
        with self._db.atomic():
            for sku, variant_id in changed:
                given_up = [
                    row["sku"]
                    for row in self._db.query(
                        "SELECT sku FROM variants WHERE variant_id = ? AND sku != ?",
                        [variant_id, sku],
                    )
                ]
                for each in given_up:
                    self._forget_sku(each, "variant_id = ?", variant_id)
                if sku:
                    self._forget_sku(sku, "variant_id != ?", variant_id)

    def _forget_sku(self, sku: str, which: str, variant_id: int) -> None:
        for table in ("variants", "products"):
            self._db.execute(
                f"DELETE FROM {table} WHERE sku = ? AND {which}",  # noqa: S608
                [sku, variant_id],
            )

    def tax_rates(self) -> list[TaxRate]:
        """Katana's tax rates as last listed."""
        rows = self._db.query("SELECT id, name, rate FROM tax_rates ORDER BY id")
        return [
            TaxRate(id=Whole(row["id"]), name=Text(row["name"]), rate=Amount(row["rate"]))
            for row in rows
        ]

    def set_tax_rates(self, rates: Iterable[TaxRate]) -> None:
        """Replace the known tax rates."""
        with self._db.atomic():
            self._db.execute("DELETE FROM tax_rates")
            for rate in rates:
                self._db.execute(
                    "INSERT OR REPLACE INTO tax_rates VALUES (?, ?, ?)",
                    [int(rate.id), str(rate.name), f"{Decimal(rate.rate):f}"],
                )

    def locations(self) -> list[Location]:
        """Katana's locations as last listed."""
        rows = self._db.query("SELECT * FROM locations ORDER BY id")
        return [
            Location(
                id=Whole(row["id"]),
                name=Text(row["name"]),
                is_primary=bool(row["is_primary"]),
                sales_allowed=bool(row["sales_allowed"]),
            )
            for row in rows
        ]

    def set_locations(self, locations: Iterable[Location]) -> None:
        """Replace the known locations; deleted ones are left out."""
        with self._db.atomic():
            self._db.execute("DELETE FROM locations")
            for location in locations:
                if not location.deleted_at:
                    self._db.execute(
                        "INSERT OR REPLACE INTO locations VALUES (?, ?, ?, ?)",
                        [
                            int(location.id),
                            str(location.name),
                            int(location.is_primary),
                            int(location.sales_allowed),
                        ],
                    )


class Customers:
    """Remembered customers, and the index of Katana's customers (digests, no personal data)."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def remembered(self, reference_id: str) -> int | None:
        """The Katana customer that a store's customer was matched with before."""
        rows = self._db.query(
            "SELECT customer_id FROM customers WHERE reference_id = ?", [reference_id]
        )
        return next((int(row["customer_id"]) for row in rows), None)

    def remember(self, reference_id: str, customer_id: int) -> None:
        """Remember the Katana customer of a store's customer."""
        with self._db.atomic():
            self._db.execute(
                "INSERT OR REPLACE INTO customers VALUES (?, ?)", [reference_id, customer_id]
            )

    def forget(self, customer_id: int) -> None:
        """Forget a customer that Katana no longer takes (deleted or merged)."""
        with self._db.atomic():
            self._db.execute("DELETE FROM customers WHERE customer_id = ?", [customer_id])
            self._db.execute("DELETE FROM katana_customers WHERE id = ?", [customer_id])

    def index(self, customers: Iterable[KnownCustomer]) -> None:
        """Add customers that Katana listed or created to the index."""
        with self._db.atomic():
            for customer in customers:
                person = customer.person
                self._db.execute(
                    "INSERT OR REPLACE INTO katana_customers VALUES (?, ?, ?, ?, ?, ?, ?)",
                    [
                        customer.id,
                        customer.reference_id,
                        person.email,
                        person.name,
                        person.phone,
                        " ".join(sorted(person.postcodes)),
                        int(customer.deleted),
                    ],
                )

    def candidates(self, reference_id: str, person: Person) -> list[KnownCustomer]:
        """Katana's customers with this reference, e-mail or name."""
        rows = self._db.query(
            "SELECT * FROM katana_customers WHERE reference_id != '' AND reference_id = ? "
            "UNION SELECT * FROM katana_customers WHERE email != '' AND email = ? "
            "UNION SELECT * FROM katana_customers WHERE name != '' AND name = ?",
            [reference_id, person.email, person.name],
        )
        return [
            KnownCustomer(
                id=int(row["id"]),
                reference_id=row["reference_id"],
                person=Person(
                    email=row["email"],
                    name=row["name"],
                    phone=row["phone"],
                    postcodes=frozenset(row["postcodes"].split()),
                ),
                deleted=bool(row["deleted"]),
            )
            for row in rows
        ]
