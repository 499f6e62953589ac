"""Customers in the ledger: which Katana customer a reference is, and digests to match by."""

from __future__ import annotations

from collections.abc import Iterable

from sqlite_utils import Database

from katana_woo_sync.domain.customers import KnownCustomer, Person


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
