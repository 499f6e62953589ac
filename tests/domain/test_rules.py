"""Rules 1, 2 and 9, and attempts: which orders are imported, and what they stay after it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from katana_woo_sync.domain.order_record import (
    RECHECK,
    RETRY_DELAYS,
    InKatana,
    State,
    failed,
    fingerprint,
    needs_attention,
    queued,
    retried,
    without_fee_due,
)
from katana_woo_sync.domain.order_rules import (
    Step,
    may_be_imported,
    next_step,
    see_in_katana,
    see_in_shop,
    skipped_before_import,
    with_state,
)
from katana_woo_sync.domain.reasons import Reason
from tests.domain.samples import (
    DAY,
    NOW,
    RULES,
    imported,
    item,
    make_order,
    make_record,
    make_sales_order,
    seen,
    step,
    still,
)

MINUTE = timedelta(minutes=1)


# Rule 1: which orders


def test_rule_01_a_processing_order_is_queued_and_imported() -> None:
    record = seen(None, status="processing")
    assert record is not None
    assert (record.state, record.was_processing) == (State.QUEUED, True)
    assert step(record) is Step.IMPORT


@pytest.mark.parametrize(
    "status", ["pending", "on-hold", "cancelled", "refunded", "failed", "trash", "wc-odd"]
)
def test_rule_01_no_other_status_is_imported(status: str) -> None:
    assert seen(None, status=status) is None


def test_rule_01_completed_before_its_turn_is_imported_and_then_delivered() -> None:
    record = still(make_record(), status="completed")
    assert (record.state, step(record)) == (State.QUEUED, Step.IMPORT)
    assert may_be_imported(record, RULES)
    entered = replace(record, in_katana=InKatana.YES, state=State.IMPORTED)
    assert step(entered) is Step.DELIVER


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("cancelled", Reason.CANCELLED_BEFORE_IMPORT),
        ("failed", Reason.CANCELLED_BEFORE_IMPORT),
        ("refunded", Reason.REFUNDED_BEFORE_IMPORT),
        ("trash", Reason.GONE_BEFORE_IMPORT),
        ("gone", Reason.GONE_BEFORE_IMPORT),
        ("on-hold", Reason.NO_LONGER_PROCESSING),
    ],
)
def test_rule_01_left_processing_before_its_turn_is_not_imported(
    status: str, reason: Reason
) -> None:
    record = still(make_record(), status=status)
    assert (record.state, record.reason) == (State.SKIPPED, reason)
    assert record == skipped_before_import(record)
    assert step(record) is Step.NOTHING


def test_rule_01_cancelled_and_processing_again_is_queued_again() -> None:
    cancelled = still(make_record(attempts=3), status="cancelled")
    record = still(cancelled, status="processing")
    assert (record.state, record.reason, record.attempts) == (State.QUEUED, "", 0)


@pytest.mark.parametrize(
    ("setting", "state", "reason"),
    [
        ("attention", State.ATTENTION, Reason.COMPLETED_UNSEEN),
        ("skip", State.SKIPPED, Reason.COMPLETED_UNSEEN_SKIPPED),
        ("import", State.QUEUED, ""),
    ],
)
def test_rule_01_completed_unseen(setting: str, state: State, reason: str) -> None:
    rules = replace(RULES, completed_unseen=setting)
    record = seen(None, rules, status="completed")
    assert record is not None
    assert (record.state, record.reason) == (state, reason)
    assert step(record, rules) is (Step.IMPORT if setting == "import" else Step.NOTHING)


def test_rule_01_retry_imports_and_delivers_what_was_completed_unseen() -> None:
    record = seen(None, status="completed")
    assert record is not None
    again = retried(record)
    assert again is not None
    assert (step(again), may_be_imported(again, RULES)) == (Step.IMPORT, True)
    assert still(again, status="completed").state is State.QUEUED


def test_rule_01_completed_unseen_ends_when_the_order_is_processing() -> None:
    unseen = make_record(
        state=State.ATTENTION, reason=Reason.COMPLETED_UNSEEN, was_processing=False
    )
    record = still(unseen, status="processing")
    assert (record.state, record.was_processing) == (State.QUEUED, True)


def test_rule_01_completed_downloads_are_skipped() -> None:
    record = seen(None, status="completed", needs_processing=False)
    assert record is not None
    assert (record.state, record.reason) == (State.SKIPPED, Reason.DOWNLOAD)


def test_rule_01_what_was_completed_before_the_store_was_connected_is_no_concern() -> None:
    old = "2026-10-01T00:00:00"
    assert seen(None, status="completed", date_created_gmt=old) is None
    assert seen(None, replace(RULES, connected_at=None), status="completed") is None


def test_rule_01_orders_from_before_since_are_never_imported() -> None:
    rules = replace(RULES, since=NOW)
    assert seen(None, rules, status="processing") is None
    record = still(make_record(state=State.FAILED), rules, status="processing")
    assert (record.state, record.reason) == (State.SKIPPED, Reason.BEFORE_SINCE)


def test_rule_01_an_earlier_since_lets_a_skipped_order_in() -> None:
    skipped = make_record(state=State.SKIPPED, reason=Reason.BEFORE_SINCE)
    assert still(skipped, status="processing").state is State.QUEUED


def test_rule_01_an_edit_before_the_import_is_taken_and_ends_attention() -> None:
    waits = make_record(state=State.ATTENTION, reason=Reason.UNKNOWN_SKU, fingerprint="old")
    record = still(waits, total="99.00", currency="USD")
    assert (record.state, str(record.total), record.currency) == (State.QUEUED, "99.00", "USD")


def test_rule_01_the_unedited_order_stays_in_attention() -> None:
    known = make_record(
        state=State.ATTENTION, reason=Reason.UNKNOWN_SKU, fingerprint=fingerprint(make_order())
    )
    assert still(known).state is State.ATTENTION


@pytest.mark.parametrize("state", [State.IGNORED, State.IMPORTING])
def test_rule_01_ignored_and_importing_orders_keep_their_state(state: State) -> None:
    record = still(make_record(state=state), status="cancelled")
    assert (record.state, record.shop_status) == (state, "cancelled")


# Unreadable orders


def test_an_unreadable_order_that_can_be_read_is_as_seen_first() -> None:
    blank = make_record(
        state=State.ATTENTION, reason=Reason.UNREADABLE, order_key="", was_processing=False
    )
    record = still(blank, status="processing")
    assert (record.state, record.order_key) == (State.QUEUED, "wc_order_a")
    assert still(blank, status="completed").reason == Reason.COMPLETED_UNSEEN
    assert still(blank, status="cancelled").state is State.SKIPPED


def test_a_queued_order_that_was_unreadable_for_a_while_is_queued_again() -> None:
    known = make_record(state=State.ATTENTION, reason=Reason.UNREADABLE, detail="total")
    record = still(known, status="completed")
    assert (record.state, record.detail, step(record)) == (State.QUEUED, "", Step.IMPORT)


# Rule 2: once


def test_rule_02_the_same_id_with_another_key_is_for_attention() -> None:
    record = still(imported(shop="processing"), order_key="wc_order_b", status="completed")
    assert (record.state, record.reason) == (State.ATTENTION, Reason.ORDER_KEY_CHANGED)
    assert (record.order_key, step(record)) == ("wc_order_a", Step.NOTHING)


def test_rule_02_the_changed_key_ends_when_the_first_order_is_back() -> None:
    changed = still(imported(), order_key="wc_order_b")
    record = still(changed, order_key="wc_order_a")
    assert (record.state, record.reason) == (State.IMPORTED, "")


def test_rule_02_katana_does_not_end_attention_for_a_changed_key() -> None:
    changed = still(imported(), order_key="wc_order_b")
    after = see_in_katana(make_sales_order("DELIVERED"), changed, RULES).record
    assert after is not None
    assert (after.reason, step(after)) == (Reason.ORDER_KEY_CHANGED, Step.NOTHING)


def test_rule_02_an_order_in_katana_is_never_imported_again() -> None:
    for status in ("on-hold", "processing", "completed", "cancelled"):
        record = still(imported(), status=status)
        assert step(record) is not Step.IMPORT
    deleted = imported(in_katana=InKatana.DELETED)
    assert step(still(deleted, status="processing")) is Step.NOTHING


def test_rule_02_a_mismatch_is_not_imported_after_cancelled_and_back() -> None:
    known = make_record(state=State.ATTENTION, reason=Reason.TAKEOVER_MISMATCH)
    record = still(still(known, status="cancelled"), status="processing")
    assert (record.reason, step(record)) == (Reason.TAKEOVER_MISMATCH, Step.NOTHING)


# Rule 9: after import


def test_rule_09_an_edit_is_noted_once_and_changes_no_state() -> None:
    known = imported(fingerprint=fingerprint(make_order()))
    edited = make_order(item(1, "20", {1: "4.80"}))
    once = see_in_shop(edited, known, RULES, NOW)
    assert once.record is not None
    assert [note.reason for note in once.notes] == [Reason.EDITED]
    assert once.record.state is State.IMPORTED
    assert see_in_shop(edited, once.record, RULES, NOW).notes == ()


def test_rule_09_status_and_live_skus_are_no_edits() -> None:
    known = imported(fingerprint=fingerprint(make_order()))
    renamed = make_order(item(1, "10", {1: "2.40"}, sku="NEW", name="Cup"), status="completed")
    assert see_in_shop(renamed, known, RULES, NOW).notes == ()


def test_rule_09_more_decimals_of_the_same_amount_are_no_edit() -> None:
    two = make_order(item(1, "1.01", {1: "0.24"}), total="1.25")
    six = make_order(item(1, "1.005000", {1: "0.241200"}), total="1.246200")
    assert fingerprint(two) == fingerprint(six)


ZOE = {"first_name": "Zoë", "last_name": 'O\'Neil "Z"', "city": "Athens", "phone": "+30 1"}


@pytest.mark.parametrize(
    ("digest", "details"),
    [
        # taken by the version that digested everything together
        ("de8c79e8b6734facd8b3f860d9389f76", {}),
        (
            "08e8b8a66f5dc4436b384af0ab0cd2d9",
            {
                "billing": ZOE,
                "shipping": {"address_1": "Ermou 12\nB", "country": "GR"},
                "customer_note": "Ring\ntwice",
                "shipping_lines": [{"id": 5, "total": "4.90", "total_tax": "1.176"}],
                "fee_lines": [{"id": 6, "total": "-2", "total_tax": "-0.48"}],
            },
        ),
    ],
)
def test_rule_09_an_order_is_known_by_the_first_version_of_its_fingerprint(
    digest: str, details: dict[str, object]
) -> None:
    known = imported(fingerprint=digest)
    once = see_in_shop(make_order(**details), known, RULES, NOW)
    assert once.notes == ()
    assert once.record is not None
    assert once.record.fingerprint == fingerprint(make_order(**details))
    renumbered = make_order(**{**details, "number": "2026-0057"})
    assert see_in_shop(renumbered, known, RULES, NOW).notes == ()
    edited = make_order(**{**details, "customer_note": "Ring once"})
    assert [n.reason for n in see_in_shop(edited, known, RULES, NOW).notes] == [Reason.EDITED]


def test_rule_09_a_fingerprint_is_of_what_the_import_uses_and_of_no_form() -> None:
    """A new field of an address, or of an order, makes no imported order an edited one."""
    assert fingerprint(make_order()) == FINGERPRINT


FINGERPRINT = "3 4e786f2f 4e786f2f 1326faec befdb444 2 b57cd88cbf24410496242681fd3f47d3"

SECOND = "2 144a084212253315713cffd20fc5f51e 2 b57cd88cbf24410496242681fd3f47d3"
"""As the second version of its form was."""


def test_rule_09_an_order_is_known_by_the_second_version_of_its_fingerprint() -> None:
    known = imported(fingerprint=SECOND)
    once = see_in_shop(make_order(), known, RULES, NOW)
    assert once.notes == ()
    assert once.record is not None
    assert once.record.fingerprint == FINGERPRINT
    edited = make_order(customer_note="Ring once")
    (note,) = see_in_shop(edited, known, RULES, NOW).notes
    assert note.detail.startswith("the addresses, the customer's note or the lines")


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        ({"customer_note": "Ring once"}, "the customer's note"),
        ({"billing": {"city": "Patras"}}, "the billing address"),
        ({"shipping": {"city": "Patras"}}, "the delivery address"),
        ({"total": "99.00"}, "the total (20.00 → 99.00 EUR)"),
        (
            {"customer_note": "!", "total": "99.00"},
            "the customer's note, the total (20.00 → 99.00 EUR)",
        ),
    ],
)
def test_rule_09_a_note_says_what_was_edited(edit: dict[str, object], told: str) -> None:
    before = make_order(total="20.00")
    known = imported(fingerprint=fingerprint(before), total=Decimal("20.00"))
    (note,) = see_in_shop(make_order(**{"total": "20.00", **edit}), known, RULES, NOW).notes
    assert (note.reason, note.detail.split(", at ")[0]) == (Reason.EDITED, told)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"total": "12.40"}, {"total": "12"}),
        ({"total": "12"}, {"total": "12.40"}),
        ({"total": "12.40"}, {"total": "12.400"}),
        ({"number": "57"}, {"number": "EU-2026-57"}),
    ],
)
def test_rule_09_other_settings_of_the_shop_are_no_edit(
    before: dict[str, str], after: dict[str, str]
) -> None:
    known = imported(fingerprint=fingerprint(make_order(**before)))
    once = see_in_shop(make_order(**after), known, RULES, NOW)
    assert once.notes == ()
    assert once.record is not None
    edited = make_order(item(1, "20", {1: "4.80"}), **after)
    assert [n.reason for n in see_in_shop(edited, once.record, RULES, NOW).notes] == [Reason.EDITED]


def test_rule_09_an_edit_is_seen_in_whatever_decimals() -> None:
    known = imported(fingerprint=fingerprint(make_order()))
    edited = make_order(total="12", billing={"city": "Patras"})
    assert [n.reason for n in see_in_shop(edited, known, RULES, NOW).notes] == [Reason.EDITED]


def test_rule_09_a_refund_after_the_import_is_noted() -> None:
    known = imported(refunds=(8,))
    heard = see_in_shop(
        make_order(refunds=[{"id": 8}, {"id": 9, "total": "-5.00"}]), known, RULES, NOW
    )
    assert [(n.reason, n.detail) for n in heard.notes] == [
        (Reason.REFUNDED_IN_SHOP, "refund 9 of 5.00 EUR")
    ]


def test_rule_09_deleted_in_katana_is_noted_and_ends_attention() -> None:
    known = imported("cancelled", state=State.ATTENTION, reason=Reason.CANCELLED_IN_SHOP)
    gone = make_sales_order(deleted_at="2026-11-21T00:00:00Z")
    heard = see_in_katana(gone, known, RULES)
    assert [note.reason for note in heard.notes] == [Reason.DELETED_IN_KATANA]
    assert heard.record is not None
    assert (heard.record.in_katana, heard.record.reason) == (InKatana.DELETED, "")
    assert see_in_katana(gone, heard.record, RULES).notes == ()


@pytest.mark.parametrize("status", ["cancelled", "refunded", "failed", "trash"])
def test_rule_09_cancelled_in_the_shop_and_open_in_katana_is_for_attention(status: str) -> None:
    record = still(imported(), status=status)
    assert (record.state, record.reason) == (State.ATTENTION, Reason.CANCELLED_IN_SHOP)


def test_rule_09_attention_ends_by_itself_when_the_order_is_set_right() -> None:
    cancelled = still(imported(), status="cancelled")
    record = still(cancelled, status="processing")
    assert (record.state, record.reason) == (State.IMPORTED, "")


# Attempts


def test_a_failed_order_is_tried_again_later_and_at_last_shown_to_a_person() -> None:
    record, waits = make_record(), []
    for _ in RETRY_DELAYS:
        record = failed(record, Reason.TEMPORARY, "time-out", NOW)
        assert (record.state, step(record)) == (State.FAILED, Step.NOTHING)
        assert record.next_attempt_at is not None
        waits.append((record.next_attempt_at - NOW) // MINUTE)
        assert next_step(record, RULES, record.next_attempt_at) is Step.IMPORT
    assert waits == [1, 5, 30, 120, 360, 720]
    last = failed(record, Reason.TEMPORARY, "time-out", NOW)
    assert (last.state, last.reason) == (State.ATTENTION, Reason.TOO_MANY_ATTEMPTS)


def test_a_failure_of_fulfilment_is_shown_until_it_is_carried_or_over() -> None:
    record = failed(imported("completed"), Reason.TEMPORARY, "", NOW)
    assert (record.state, step(record)) == (State.FAILED, Step.NOTHING)
    assert with_state(record, RULES) == record
    assert next_step(record, RULES, NOW + MINUTE) is Step.DELIVER
    by_hand = with_state(replace(record, katana_status="DELIVERED"), RULES)
    assert (by_hand.state, by_hand.reason, by_hand.attempts) == (State.FULFILLED, "", 0)
    reverted = with_state(replace(record, shop_status="processing"), RULES)
    assert (reverted.state, reverted.reason, reverted.attempts) == (State.IMPORTED, "", 0)


def test_a_fee_that_fails_is_shown_and_holds_up_no_delivery() -> None:
    due = replace(imported("completed"), shipping_fee_due=True)
    record = failed(due, Reason.SHIPPING_FEE_MISSING, "500", NOW)
    assert (record.state, step(record)) == (State.FAILED, Step.DELIVER)
    done = with_state(replace(record, katana_status="DELIVERED"), RULES)
    assert (done.state, done.reason) == (State.FAILED, Reason.SHIPPING_FEE_MISSING)
    assert without_fee_due(done).state is State.FULFILLED
    for _ in RETRY_DELAYS:
        record = failed(record, Reason.SHIPPING_FEE_MISSING, "500", NOW)
    assert (record.state, record.reason) == (State.ATTENTION, Reason.SHIPPING_FEE_MISSING)


def test_an_order_in_attention_is_looked_at_again_in_case_its_cause_is_gone() -> None:
    record = needs_attention(make_record(), Reason.UNKNOWN_SKU, "MUG-01", NOW)
    assert (record.detail, step(record)) == ("MUG-01", Step.NOTHING)
    assert next_step(record, RULES, NOW + RECHECK) is Step.IMPORT


def test_retry_gives_a_clean_slate() -> None:
    tried = failed(make_record(attempts=4), Reason.TEMPORARY, "x", NOW)
    assert retried(tried) == queued(make_record())


@pytest.mark.parametrize("state", [State.QUEUED, State.IMPORTED, State.FULFILLED, State.SKIPPED])
def test_there_is_nothing_to_retry_where_nothing_failed(state: State) -> None:
    assert retried(make_record(state=state)) is None


@pytest.mark.parametrize(
    "reason", [Reason.ORDER_KEY_CHANGED, Reason.TAKEOVER_MISMATCH, Reason.DOUBLED_IN_KATANA]
)
def test_what_trying_again_would_make_worse_is_not_retried(reason: Reason) -> None:
    assert retried(make_record(state=State.ATTENTION, reason=reason)) is None


def test_an_order_keeps_what_it_was_when_seen_first() -> None:
    record = still(make_record(first_seen_at=NOW - DAY), status="on-hold")
    assert record.first_seen_at == NOW - DAY
