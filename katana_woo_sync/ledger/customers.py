"""What the ledger remembers of Katana's customers."""

from __future__ import annotations

from collections.abc import Iterable

from katana_woo_sync.domain.customers import KnownCustomer, Person
from katana_woo_sync.ledger.sqlite import LedgerDatabase


class Customers:
    """Remembered customers, and the index of Katana's customers (digests, no personal data)."""

    def __init__(self, db: LedgerDatabase) -> None:
        self._db = db
        self._remembered, self._index = db.table("customers"), db.table("katana_customers")

    def remembered(self, reference_id: str) -> int | None:
        """The Katana customer that a store's customer was matched with before."""
        row = self._remembered.find(reference_id)
        return None if row is None else int(row["customer_id"])

    def remember(self, reference_id: str, customer_id: int) -> None:
        """Remember the Katana customer of a store's customer."""
        self._remembered.put({"reference_id": reference_id, "customer_id": customer_id})

    def forget(self, customer_id: int) -> None:
        """Forget a customer that Katana no longer takes (deleted or merged)."""
        with self._db.atomic():
            self._remembered.delete_where("customer_id = ?", [customer_id])
            self._index.delete_where("id = ?", [customer_id])

    def index(self, customers: Iterable[KnownCustomer]) -> None:
        """Add customers that Katana listed or created to the index."""
        rows = [
            {
                "id": customer.id,
                "reference_id": customer.reference_id,
                "email": customer.person.email,
                "name": customer.person.name,
                "phone": customer.person.phone,
                "postcodes": " ".join(sorted(customer.person.postcodes)),
                "deleted": int(customer.deleted),
            }
            for customer in customers
        ]
        with self._db.atomic():
            self._index.upsert_all(rows)

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
