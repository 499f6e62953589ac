"""What else the ledger remembers: intents, customers, catalogue, stores, cursors, history."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from katana_woo_sync.domain.cursors import Cursor
from katana_woo_sync.domain.customers import KnownCustomer, person_of_order, reference_id
from katana_woo_sync.domain.fields import Amount, Text, Whole
from katana_woo_sync.domain.katana import Location, TaxRate
from katana_woo_sync.domain.order_record import fingerprint
from katana_woo_sync.domain.woocommerce import StoreFacts
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.ledger.history import Event
from katana_woo_sync.ledger.intents import Intent, IntentKind
from tests.domain.samples import ANN, DAY, IDENTITY, NOW, make_order, make_record

# Intents


@pytest.mark.parametrize("kind", IntentKind)
def test_an_intent_survives_reopening_until_it_ends(path: Path, kind: IntentKind) -> None:
    with Ledger.open(path) as ledger:
        ledger.intents.begin(kind, "a#57", NOW)
    with Ledger.open(path) as ledger:
        assert ledger.intents.open(kind, "a#57") == Intent(kind, "a#57", NOW)
        ledger.intents.end(kind, "a#57")
    with Ledger.open(path) as ledger:
        assert ledger.intents.open(kind, "a#57") is None


def test_intents_are_told_apart_by_kind_and_key(ledger: Ledger) -> None:
    ledger.intents.begin(IntentKind.CUSTOMER, "a", NOW)
    assert ledger.intents.open(IntentKind.PRODUCT, "a") is None
    assert ledger.intents.open(IntentKind.CUSTOMER, "b") is None
    ledger.intents.end(IntentKind.CUSTOMER, "b")
    assert len(ledger.intents.all_open()) == 1


def test_an_intent_begun_again_has_its_last_time(ledger: Ledger) -> None:
    ledger.intents.begin(IntentKind.CUSTOMER, "a", NOW)
    ledger.intents.begin(IntentKind.PRODUCT, "b", NOW + DAY)
    ledger.intents.begin(IntentKind.CUSTOMER, "a", NOW + 2 * DAY)
    assert [(i.key, i.at) for i in ledger.intents.all_open()] == [
        ("b", NOW + DAY),
        ("a", NOW + 2 * DAY),
    ]


# Customers


def ann(ledger: Ledger, customer_id: int = 3) -> KnownCustomer:
    """A customer as Katana lists her."""
    order = make_order(billing=ANN)
    person = person_of_order(order, ledger.salt)
    return KnownCustomer(customer_id, reference_id(IDENTITY, order), person)


def test_indexed_customers_come_back_by_reference_email_and_name(ledger: Ledger) -> None:
    known = ann(ledger)
    ledger.customers.index([known])
    by_email = replace(known.person, name="")
    by_name = replace(known.person, email="")
    stranger = replace(known.person, email="x", name="y")
    assert ledger.customers.candidates("", by_email) == [known]
    assert ledger.customers.candidates("", by_name) == [known]
    assert ledger.customers.candidates(known.reference_id, stranger) == [known]
    assert ledger.customers.candidates("", stranger) == []


def test_nobody_is_found_by_what_is_empty(ledger: Ledger) -> None:
    nobody = replace(ann(ledger).person, email="", name="")
    ledger.customers.index([KnownCustomer(4, "", nobody)])
    assert ledger.customers.candidates("", nobody) == []


def test_a_customer_indexed_again_is_as_listed_last(ledger: Ledger) -> None:
    known = ann(ledger)
    ledger.customers.index([known])
    ledger.customers.index([replace(known, deleted=True)])
    (found,) = ledger.customers.candidates(known.reference_id, known.person)
    assert found.deleted


def test_a_forgotten_customer_is_asked_for_anew(ledger: Ledger) -> None:
    known = ann(ledger)
    ledger.customers.index([known])
    ledger.customers.remember(known.reference_id, 3)
    assert ledger.customers.remembered(known.reference_id) == 3
    ledger.customers.forget(3)
    assert ledger.customers.remembered(known.reference_id) is None
    assert ledger.customers.candidates(known.reference_id, known.person) == []


def test_no_personal_data_is_in_the_file(ledger: Ledger, path: Path) -> None:
    order = make_order(billing=ANN, shipping=ANN, customer_note="Ring at Annabel's")
    ledger.customers.index([ann(ledger)])
    ledger.customers.remember(reference_id(IDENTITY, order), 3)
    ledger.orders.save([make_record(fingerprint=fingerprint(order))])
    wal = path.with_name("ledger.db-wal")
    raw = (path.read_bytes() + wal.read_bytes()).lower()
    assert IDENTITY.encode() in raw  # what is kept can be found in the bytes
    for word in (
        "ann@",
        "ann lee",
        "lee pottery",
        "mill road",
        "san diego",
        "92101",
        "555 0100",
        "annabel",
    ):
        assert word.encode() not in raw, word


# Catalogue


def test_products_and_variants_are_remembered_by_exact_case(ledger: Ledger) -> None:
    ledger.catalogue.remember_product(IDENTITY, 10, 0, "MUG-01", 77)
    ledger.catalogue.remember_variant("MUG-01", 77)
    assert ledger.catalogue.product(IDENTITY, 10, 0) == ("MUG-01", 77)
    assert ledger.catalogue.product(IDENTITY, 10, 21) is None
    assert ledger.catalogue.variants(["MUG-01", "mug-01", "x"]) == {"MUG-01": 77}


def test_thousands_of_skus_are_asked_for_at_once(ledger: Ledger) -> None:
    skus = [f"SKU-{n}" for n in range(1200)]
    with ledger.atomic():
        for n, sku in enumerate(skus):
            ledger.catalogue.remember_variant(sku, n)
    assert len(ledger.catalogue.variants(skus)) == 1200


def test_a_refused_variant_is_forgotten_wherever_it_is(ledger: Ledger) -> None:
    ledger.catalogue.remember_product(IDENTITY, 10, 0, "MUG-01", 77)
    ledger.catalogue.remember_variant("MUG-01", 77)
    ledger.catalogue.remember_variant("PEN", 78)
    ledger.catalogue.forget_variants([77])
    assert ledger.catalogue.product(IDENTITY, 10, 0) is None
    assert ledger.catalogue.variants(["MUG-01", "PEN"]) == {"PEN": 78}


def test_tax_rates_come_back_exactly(ledger: Ledger) -> None:
    rates = [
        TaxRate(id=Whole(2), name=Text("State Tax"), rate=Amount("8.875")),
        TaxRate(id=Whole(9), name=Text(""), rate=Amount("0")),
    ]
    ledger.catalogue.set_tax_rates([TaxRate(id=Whole(1))])
    ledger.catalogue.set_tax_rates(reversed(rates))
    assert ledger.catalogue.tax_rates() == rates
    assert ledger.catalogue.tax_rates()[0].rate == Decimal("8.875")


def test_deleted_locations_are_left_out(ledger: Ledger) -> None:
    main = Location(id=Whole(1), name=Text("Main"), is_primary=True, sales_allowed=False)
    closed = Location(id=Whole(2), name=Text("Old"), deleted_at=Text("2026-01-01T00:00:00Z"))
    ledger.catalogue.set_locations([main, closed])
    assert ledger.catalogue.locations() == [main]


# Stores and cursors


def test_a_store_is_connected_once(ledger: Ledger) -> None:
    ledger.stores.connect(IDENTITY, NOW)
    ledger.stores.connect(IDENTITY, NOW + DAY)
    ledger.stores.set_since(IDENTITY, NOW - DAY)
    store = ledger.stores.get(IDENTITY)
    assert store is not None
    assert (store.connected_at, store.since) == (NOW, NOW - DAY)
    assert ledger.stores.get("unknown") is None


def test_a_store_that_is_renamed_keeps_what_is_known(ledger: Ledger) -> None:
    facts = StoreFacts(round_at_subtotal=True, decimals=0, currency=Text("JPY"))
    ledger.stores.set_facts(IDENTITY, facts)
    ledger.stores.add(IDENTITY, "europe")
    store = ledger.stores.get(IDENTITY)
    assert store is not None
    assert (store.name, store.facts) == ("europe", facts)


def test_an_error_ends_with_the_next_success(ledger: Ledger) -> None:
    ledger.stores.went_wrong(IDENTITY, "time-out")
    wrong = ledger.stores.get(IDENTITY)
    ledger.stores.succeeded(IDENTITY, NOW)
    ledger.stores.swept(IDENTITY, NOW + DAY)
    right = ledger.stores.get(IDENTITY)
    assert wrong is not None
    assert right is not None
    assert (wrong.last_error, wrong.last_success_at) == ("time-out", None)
    assert (right.last_error, right.last_success_at, right.swept_at) == ("", NOW, NOW + DAY)


@pytest.mark.parametrize(
    "cursor", [Cursor(NOW - DAY, NOW), Cursor(None, NOW), Cursor(NOW, NOW, is_complete=True)]
)
def test_a_cursor_comes_back_as_it_was(ledger: Ledger, cursor: Cursor) -> None:
    assert ledger.stores.cursor("katana") is None
    ledger.stores.set_cursor("katana", Cursor(None, NOW - DAY))
    ledger.stores.set_cursor("katana", cursor)
    assert ledger.stores.cursor("katana") == cursor


# History


def test_an_orders_history_is_kept_in_its_order(ledger: Ledger) -> None:
    ledger.journal.add(NOW, "katana", "imported", "SO-57", identity=IDENTITY, order_id=57)
    ledger.journal.add(NOW, "katana", "created customer")
    ledger.journal.add(NOW - DAY, "shop", "completed", identity=IDENTITY, order_id=57)
    assert ledger.journal.of_order(IDENTITY, 57) == [
        Event(NOW, "katana", "imported", "SO-57"),
        Event(NOW - DAY, "shop", "completed", ""),
    ]
    assert ledger.journal.of_order(IDENTITY, 58) == []


def test_the_histories_of_several_orders_are_those_of_one_store(ledger: Ledger) -> None:
    for identity, order_id in ((IDENTITY, 57), (IDENTITY, 58), (IDENTITY, 59), ("other.test", 57)):
        ledger.journal.add(
            NOW, "shop", f"{identity} {order_id}", identity=identity, order_id=order_id
        )
    found = ledger.journal.of_orders(IDENTITY, [57, 59, 60])
    assert {order_id: [event.action for event in events] for order_id, events in found.items()} == {
        57: [f"{IDENTITY} 57"],
        59: [f"{IDENTITY} 59"],
    }


def test_a_run_is_recorded_with_how_it_ended(ledger: Ledger, path: Path) -> None:
    first = ledger.journal.begin_run("sync", NOW)
    second = ledger.journal.begin_run("backfill", NOW)
    ledger.journal.end_run(first, NOW + DAY, 1, "{}")
    with closing(sqlite3.connect(path)) as connection:
        runs = connection.execute("SELECT id, command, exit_code FROM runs ORDER BY id").fetchall()
    assert runs == [(first, "sync", 1), (second, "backfill", None)]
