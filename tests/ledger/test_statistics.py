"""What the status page asks of the ledger, and what thinning erases and what it keeps."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from katana_woo_sync.domain.order_record import InKatana, State
from katana_woo_sync.domain.order_rules import Note
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.ledger.statistics import Moment, Tally, Wait
from tests.domain.samples import DAY, IDENTITY, NOW, make_record

MINUTE = timedelta(minutes=1)


def test_orders_placed_are_counted_by_minute_within_the_span(ledger: Ledger) -> None:
    times = (NOW - 40 * DAY, NOW, NOW + timedelta(seconds=20), NOW + MINUTE)
    ledger.orders.save(make_record(order_id=i, created=at) for i, at in enumerate(times))
    assert ledger.statistics.placed(NOW - DAY) == [
        Moment(IDENTITY, NOW, 2),
        Moment(IDENTITY, NOW + MINUTE, 1),
    ]


def test_only_failures_and_attention_went_wrong(ledger: Ledger) -> None:
    for action in ("failed", "attention", "skipped"):
        ledger.journal.add(NOW, "ledger", action, identity=IDENTITY, order_id=57)
    assert ledger.statistics.went_wrong(NOW - DAY) == [Moment(IDENTITY, NOW, 2)]


def test_counts_add_up_within_an_hour(ledger: Ledger) -> None:
    for minutes in (0, 5, 65):
        ledger.statistics.count(Tally.KATANA_REQUESTS, "", NOW + minutes * MINUTE, 3)
    assert ledger.statistics.counted(Tally.KATANA_REQUESTS, NOW) == [
        Moment("", NOW, 6),
        Moment("", NOW + 60 * MINUTE, 3),
    ]
    assert ledger.statistics.counted(Tally.STOCK_UPDATED, NOW) == []


def test_the_way_from_payment_begins_at_the_payment_and_after_the_connection(
    ledger: Ledger,
) -> None:
    ledger.stores.connect(IDENTITY, NOW)
    done = {"in_katana": InKatana.YES, "state": State.IMPORTED, "imported_at": NOW + 9 * MINUTE}
    ledger.orders.save(
        [
            make_record(order_id=1, created=NOW - DAY, paid=NOW + MINUTE, **done),
            make_record(order_id=2, created=NOW + 2 * MINUTE, **done),
            make_record(order_id=3, created=NOW - DAY, paid=NOW - DAY, **done),
        ]
    )
    begins = {wait.begin for wait in ledger.statistics.from_payment(NOW)}
    assert begins == {NOW + MINUTE, NOW + 2 * MINUTE}


def test_the_backlog_is_what_waited_and_what_waits(ledger: Ledger) -> None:
    ledger.orders.save(
        [
            make_record(order_id=1, state=State.QUEUED),
            make_record(order_id=2, state=State.SKIPPED),
            make_record(order_id=3, state=State.IMPORTED, imported_at=NOW + MINUTE),
            make_record(order_id=4, state=State.FULFILLED, imported_at=NOW - DAY),
        ]
    )
    found = ledger.statistics.in_backlog(NOW - 2 * DAY)
    assert sorted(found, key=lambda wait: wait.end is None) == [
        Wait(IDENTITY, NOW, NOW + MINUTE),
        Wait(IDENTITY, NOW, None),
    ]


def test_thinning_erases_what_is_old_and_keeps_what_prevents_a_second_import(
    ledger: Ledger,
) -> None:
    old = make_record(created=NOW - 9 * DAY, state=State.FULFILLED, detail="to Ann", number="7")
    ledger.orders.save([old])
    ledger.orders.add_notes(IDENTITY, 57, [Note(Reason.EDITED, "x")], NOW - 9 * DAY)
    ledger.journal.add(NOW - 9 * DAY, "katana", "imported", identity=IDENTITY, order_id=57)
    ledger.journal.add(NOW, "katana", "delivered", identity=IDENTITY, order_id=57)
    assert ledger.statistics.thin(NOW - DAY) == 1
    kept = ledger.orders.get(IDENTITY, 57)
    assert kept is not None
    assert (kept.number, kept.order_key, kept.detail) == ("7", "wc_order_a", "")
    assert ledger.orders.notes(IDENTITY, 57) == []
    assert [event.action for event in ledger.journal.of_order(IDENTITY, 57)] == ["delivered"]


def test_thinning_leaves_the_notes_and_details_of_open_orders(ledger: Ledger) -> None:
    ledger.orders.save([make_record(created=NOW - 9 * DAY, state=State.IMPORTED, detail="why")])
    ledger.orders.add_notes(IDENTITY, 57, [Note(Reason.REFUNDED_IN_SHOP, "8")], NOW - 9 * DAY)
    ledger.statistics.thin(NOW)
    kept = ledger.orders.get(IDENTITY, 57)
    assert kept is not None
    assert kept.detail == "why"
    assert len(ledger.orders.notes(IDENTITY, 57)) == 1


def test_items_created_are_still_counted_after_thinning(ledger: Ledger) -> None:
    ledger.journal.add(NOW - DAY, "katana", "created product", "5: Ann's mug")
    ledger.statistics.thin(NOW)
    assert ledger.journal.created_items() == 1


def test_what_thinning_erased_is_no_longer_in_the_file(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ledger.stores.add(IDENTITY, "eu")
        for _ in range(50):
            ledger.journal.add(NOW - DAY, "ledger", "failed", "Ann-Lee-of-Mill-Road")
        ledger.statistics.thin(NOW)
    assert b"Ann-Lee-of-Mill-Road" not in path.read_bytes()
