"""Orders in the ledger: what is written comes back, and the questions the sync asks."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from katana_woo_sync.domain.order_record import InKatana, OrderRecord, State
from katana_woo_sync.domain.order_rules import Note, Rules, Step, next_step
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.ledger import Ledger, orders
from katana_woo_sync.ledger.orders import StaleRecord
from tests.domain.samples import DAY, IDENTITY, NOW, imported, make_record

LATER = NOW + timedelta(microseconds=1)
FULL = OrderRecord(
    identity=IDENTITY,
    order_id=58,
    number="EU-58",
    order_key="wc_order_b",
    created=NOW - DAY,
    currency="JPY",
    total=Decimal("1234.5678901234"),
    shop_status="completed",
    shop_modified=NOW,
    shop_completed=LATER,
    fingerprint="f" * 32,
    refunds=(8, 9),
    needs_processing=False,
    was_processing=True,
    state=State.ATTENTION,
    reason=Reason.DELIVERY_REFUSED,
    detail="no stock 💍",
    in_katana=InKatana.YES,
    sales_order_id=501,
    sales_order_no="SO-58",
    katana_status="NOT_SHIPPED",
    katana_total=Decimal("1E+3"),
    shipping_fee_due=True,
    completed_at=NOW,
    delivered_at=NOW + DAY,
    attempts=3,
    next_attempt_at=NOW + 2 * DAY,
    first_seen_at=NOW - 2 * DAY,
    imported_at=NOW - 3 * DAY,
    paid=NOW - 4 * DAY,
    sent_as="EU-58-eu",
)


def ids(records: list[OrderRecord]) -> list[int]:
    """The records' order ids."""
    return [record.order_id for record in records]


@pytest.mark.parametrize("record", [FULL, make_record(), make_record(created=None)])
def test_a_record_comes_back_as_it_was(ledger: Ledger, record: OrderRecord) -> None:
    (saved,) = ledger.orders.save([record])
    assert saved == replace(record, version=1)
    assert ledger.orders.get(IDENTITY, record.order_id) == saved


def test_amounts_keep_every_digit_and_times_every_microsecond(ledger: Ledger) -> None:
    ledger.orders.save([FULL])
    record = ledger.orders.get(IDENTITY, 58)
    assert record is not None
    assert str(record.total) == "1234.5678901234"
    assert record.shop_completed == LATER
    assert record.shop_completed.tzinfo is UTC


def test_times_of_another_zone_are_the_same_moment(ledger: Ledger) -> None:
    athens = NOW.astimezone(timezone(timedelta(hours=2)))
    early = datetime(5, 1, 1, tzinfo=UTC)  # a plugin's idea of "never"
    ledger.orders.save([make_record(created=athens, shop_modified=early)])
    record = ledger.orders.get(IDENTITY, 57)
    assert record is not None
    assert (record.created, record.shop_modified) == (NOW, early)


def test_texts_that_sqlite_refuses_stop_no_other_order(ledger: Ledger) -> None:
    ledger.orders.save([make_record(number="5\ud8007", detail="a\x00b"), make_record(order_id=2)])
    record = ledger.orders.get(IDENTITY, 57)
    assert record is not None
    assert (record.number, record.detail) == ("5?7", "a\x00b")


def test_saving_again_changes_the_record(ledger: Ledger) -> None:
    queued, _full = ledger.orders.save([make_record(), FULL])
    ledger.orders.save([replace(queued, state=State.SKIPPED, reason=Reason.DOWNLOAD)])
    assert ledger.orders.counts(IDENTITY) == {"skipped": 1, "attention": 1}


def test_a_record_that_another_run_wrote_meanwhile_is_not_overwritten(ledger: Ledger) -> None:
    (read,) = ledger.orders.save([make_record()])
    ledger.orders.save([replace(read, shipping_fee_due=True)])
    other = make_record(order_id=2)
    with pytest.raises(StaleRecord, match="order 57 was written by another run"):
        ledger.orders.save([other, replace(read, state=State.IMPORTED)])
    now = ledger.orders.get(IDENTITY, 57)
    assert now is not None
    assert (now.state, now.shipping_fee_due) == (State.QUEUED, True)
    assert ledger.orders.get(IDENTITY, 2) is None


def test_an_order_that_another_run_saw_first_is_not_overwritten(ledger: Ledger) -> None:
    ledger.orders.save([make_record(state=State.IMPORTED)])
    with pytest.raises(StaleRecord):
        ledger.orders.save([make_record()])
    assert ledger.orders.counts(IDENTITY) == {"imported": 1}


@pytest.mark.parametrize("forget", ["one", "all"])
def test_forgetting_a_time_is_a_write_too(ledger: Ledger, forget: str) -> None:
    (read,) = ledger.orders.save([make_record(shop_modified=LATER)])
    if forget == "one":
        ledger.orders.forget_modified(IDENTITY, [57])
    else:
        ledger.orders.forget_modified_after(IDENTITY, NOW)
    with pytest.raises(StaleRecord):
        ledger.orders.save([read])


def test_the_same_id_of_another_store_is_another_order(ledger: Ledger) -> None:
    ledger.stores.add("us.example.com", "us")
    ledger.orders.save([make_record(), make_record(identity="us.example.com", number="US-57")])
    first = ledger.orders.get(IDENTITY, 57)
    other = ledger.orders.get("us.example.com", 57)
    assert first is not None
    assert other is not None
    assert (first.number, other.number) == ("57", "US-57")
    assert ledger.orders.get("eu.example.com", 57) is None


def test_known_and_by_sales_order_answer_for_many(ledger: Ledger) -> None:
    many = [make_record(order_id=n, sales_order_id=10_000 + n) for n in range(1, 1202)]
    saved = ledger.orders.save(many)
    asked = list(range(1, 1400))
    assert ledger.orders.known(IDENTITY, asked) == {record.order_id: record for record in saved}
    found = ledger.orders.by_sales_order([10_000 + n for n in asked])
    assert len(found) == 1201
    assert found[10_007].order_id == 7


def test_a_sales_order_is_of_one_order_only(ledger: Ledger) -> None:
    ledger.orders.save([make_record(sales_order_id=5)])
    with pytest.raises(Exception, match="UNIQUE"):
        ledger.orders.save([make_record(order_id=2, sales_order_id=5)])


# What is due


def test_due_for_import_are_the_oldest_that_may_be_tried(ledger: Ledger) -> None:
    waits = {"state": State.ATTENTION, "next_attempt_at": NOW}
    ledger.orders.save(
        [
            make_record(order_id=1, created=NOW),
            make_record(order_id=2, created=NOW - DAY),
            make_record(order_id=3, state=State.FAILED, next_attempt_at=NOW),
            make_record(order_id=4, state=State.FAILED, next_attempt_at=LATER),
            make_record(order_id=5, **waits),
            make_record(order_id=6, state=State.ATTENTION),
            make_record(order_id=7, state=State.SKIPPED),
            make_record(order_id=8, state=State.IMPORTING),
            make_record(order_id=9, in_katana=InKatana.YES),
        ]
    )
    assert ids(ledger.orders.due_for_import(IDENTITY, NOW, 10)) == [3, 5, 2, 1]
    assert ids(ledger.orders.due_for_import(IDENTITY, NOW, 2)) == [3, 5]
    assert ledger.orders.due_for_import("other", NOW, 10) == []
    assert ids(ledger.orders.importing(IDENTITY)) == [8]


def test_due_for_fulfilment_are_those_whose_sides_differ(ledger: Ledger) -> None:
    cases = [
        imported("completed"),
        imported("completed", "PARTIALLY_DELIVERED"),
        imported(katana="DELIVERED"),
        imported(katana="DELIVERED", next_attempt_at=LATER),
        imported(),
        imported("completed", "DELIVERED", state=State.FULFILLED),
        imported("completed", state=State.IGNORED),
        imported("completed", in_katana=InKatana.DELETED),
    ]
    for n, record in enumerate(cases, start=1):
        ledger.orders.save([replace(record, order_id=n, sales_order_id=n)])
    assert ids(ledger.orders.due_for_fulfilment(IDENTITY, NOW)) == [1, 2, 3]


def test_what_the_decision_would_do_is_among_what_is_due(ledger: Ledger) -> None:
    statuses = ("processing", "completed", "cancelled")
    cases = [
        make_record(state=state, in_katana=there, shop_status=shop, katana_status=katana)
        for state in State
        for there in InKatana
        for shop in statuses
        for katana in ("NOT_SHIPPED", "DELIVERED")
    ]
    records = [replace(record, order_id=n) for n, record in enumerate(cases, start=1)]
    ledger.orders.save(records)
    due = ledger.orders.due_for_import(IDENTITY, NOW, 1000)
    due += ledger.orders.due_for_fulfilment(IDENTITY, NOW)
    wanted = {r.order_id for r in records if next_step(r, Rules(), NOW) is not Step.NOTHING}
    assert len(wanted) > 10
    assert wanted <= set(ids(due))


def test_with_fee_due_are_those_in_katana_whose_fee_may_be_tried(ledger: Ledger) -> None:
    due = imported(shipping_fee_due=True)
    ledger.orders.save(
        [
            replace(due, order_id=1, sales_order_id=1),
            replace(due, order_id=2, sales_order_id=2, next_attempt_at=LATER),
            replace(due, order_id=3, sales_order_id=3, in_katana=InKatana.DELETED),
            imported(order_id=4, sales_order_id=4),
        ]
    )
    assert ids(ledger.orders.with_fee_due(IDENTITY, NOW)) == [1]
    assert ids(ledger.orders.with_fee_due(IDENTITY, LATER)) == [1, 2]


# Notes


def test_a_note_is_kept_once(ledger: Ledger) -> None:
    ledger.orders.save([make_record()])
    edited, other = Note(Reason.EDITED, "abc"), Note(Reason.EDITED, "def")
    assert ledger.orders.add_notes(IDENTITY, 57, [edited], NOW) == [edited]
    assert ledger.orders.add_notes(IDENTITY, 57, [edited, other], NOW + DAY) == [other]
    assert ledger.orders.notes(IDENTITY, 57) == [(NOW, edited), (NOW + DAY, other)]
    assert ledger.orders.notes(IDENTITY, 58) == []


def test_the_notes_of_several_orders_are_those_of_one_store(ledger: Ledger) -> None:
    note = Note(Reason.EDITED, "abc")
    ledger.stores.add("other.test", "other")
    for identity, order_id in ((IDENTITY, 57), (IDENTITY, 58), ("other.test", 57)):
        record = make_record(order_id=order_id, order_key=f"{identity}{order_id}")
        ledger.orders.save([replace(record, identity=identity)])
        ledger.orders.add_notes(identity, order_id, [note], NOW)
    assert ledger.orders.notes_of(IDENTITY, [57, 60]) == {57: [(NOW, note)]}


# For people


def test_find_by_number_state_store_and_problem_newest_first(ledger: Ledger) -> None:
    ledger.orders.save(
        [
            make_record(order_id=1, number="A", created=NOW - DAY),
            make_record(order_id=2, number="A", state=State.FAILED, created=NOW),
            make_record(order_id=3, number="B", state=State.ATTENTION, created=NOW - 2 * DAY),
        ]
    )
    assert ids(ledger.orders.find()) == [2, 1, 3]
    assert ids(ledger.orders.find(number="A")) == [2, 1]
    assert ids(ledger.orders.find(state="failed")) == [2]
    assert ids(ledger.orders.find(problems=True)) == [2, 3]
    assert ids(ledger.orders.find(limit=1)) == [2]
    assert ids(ledger.orders.find(identities=[IDENTITY, "x"], number="B")) == [3]
    assert ledger.orders.find(identities=["x"]) == []
    assert ledger.orders.find(number="' OR 1 --") == []


def test_counts_and_what_is_open(ledger: Ledger) -> None:
    ledger.orders.save(
        [
            make_record(order_id=1),
            imported(order_id=2, sales_order_id=2),
            imported(order_id=3, sales_order_id=3, state=State.ATTENTION),
            imported("completed", order_id=4, sales_order_id=4, state=State.FULFILLED),
            make_record(order_id=5, state=State.SKIPPED),
        ]
    )
    assert ledger.orders.open_in_katana(IDENTITY) == 2
    assert ledger.orders.open_in_shop(IDENTITY, ["processing"]) == {1, 2, 3}
    assert ledger.orders.undelivered(IDENTITY) == {2, 3}
    counts = {"queued": 1, "imported": 1, "attention": 1, "fulfilled": 1, "skipped": 1}
    assert ledger.orders.counts(IDENTITY) == counts


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from(State)), max_size=20))
def test_the_counts_that_are_kept_are_those_of_the_orders(
    ledger: Ledger, saved: list[tuple[int, State]]
) -> None:
    for order_id, state in saved:
        before = ledger.orders.get(IDENTITY, order_id)
        version = before.version if before else 0
        ledger.orders.save([make_record(order_id=order_id, state=state, version=version)])
    assert ledger.orders.counts(IDENTITY) == Counter(str(r.state) for r in ledger.orders.find())


def test_the_backlog_sums_by_currency_to_the_cent(ledger: Ledger) -> None:
    ledger.orders.save(
        [
            make_record(order_id=1, total=Decimal("0.10"), created=None),
            make_record(order_id=2, total=Decimal("0.20")),
            make_record(order_id=3, total=Decimal("5"), currency="USD"),
            make_record(order_id=4, total=Decimal("9"), state=State.FAILED),
        ]
    )
    backlog = ledger.orders.backlog(IDENTITY)
    assert backlog.count == 3
    assert None in backlog.created
    assert backlog.sums == {"EUR": Decimal("0.30"), "USD": Decimal(5)}


def test_a_key_that_is_known_under_another_identity_is_found(ledger: Ledger) -> None:
    ledger.stores.add("old.example.com", "old")
    blank = make_record(identity="old.example.com", order_id=2, order_key="")
    ledger.orders.save([make_record(identity="old.example.com"), blank])
    key = "wc_order_a"
    assert ledger.orders.identity_with_key(key, other_than=IDENTITY) == "old.example.com"
    assert ledger.orders.identity_with_key(key, other_than="old.example.com") is None
    assert ledger.orders.identity_with_key("", other_than=IDENTITY) is None


def test_every_state_is_wanted_for_fulfilment_but_those_that_are_over() -> None:
    """The question names the states that it wants, for the index: a new one must be added there."""
    over = {State.FULFILLED, State.IGNORED}
    for state in set(State) - over:
        assert f"'{state}'" in orders._WANTS_FULFILMENT, state
