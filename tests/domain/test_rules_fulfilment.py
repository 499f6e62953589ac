"""Rules 10 to 12: what crosses over between the shop and Katana after the import."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from katana_woo_sync.domain.order_record import RECHECK, InKatana, State, needs_attention, retried
from katana_woo_sync.domain.order_rules import (
    Step,
    next_step,
    see_in_katana,
    see_in_shop,
    too_many_completions,
    with_state,
)
from katana_woo_sync.domain.reasons import Reason
from tests.domain.samples import (
    NOW,
    RULES,
    imported,
    make_order,
    make_record,
    make_sales_order,
    step,
    still,
)

# Rule 10: delivered in Katana


def test_rule_10_delivered_in_katana_completes_the_order() -> None:
    record = see_in_katana(make_sales_order("DELIVERED"), imported(), RULES).record
    assert record is not None
    assert step(record) is Step.COMPLETE


@pytest.mark.parametrize("status", ["PARTIALLY_DELIVERED", "PACKED", "PARTIALLY_PACKED", "PENDING"])
def test_rule_10_partly_delivered_or_packed_does_nothing(status: str) -> None:
    heard = see_in_katana(make_sales_order(status), imported(), RULES)
    assert heard.record is not None
    assert (step(heard.record), heard.notes) == (Step.NOTHING, ())


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("cancelled", Reason.SHOP_STATUS),
        ("refunded", Reason.SHOP_STATUS),
        ("on-hold", Reason.SHOP_STATUS),
        ("awaiting-pickup", Reason.SHOP_STATUS),
        ("trash", Reason.GONE_IN_SHOP),
    ],
)
def test_rule_10_only_a_status_in_complete_from_is_completed(status: str, reason: Reason) -> None:
    record = still(imported(katana="DELIVERED"), status=status)
    assert (record.state, record.reason, step(record)) == (State.ATTENTION, reason, Step.NOTHING)


def test_rule_10_complete_from_may_name_more() -> None:
    rules = replace(RULES, complete_from=frozenset({"processing", "awaiting-pickup"}))
    record = still(imported(katana="DELIVERED"), rules, status="awaiting-pickup")
    assert step(record, rules) is Step.COMPLETE


def test_rule_10_attention_for_a_status_ends_with_it() -> None:
    held = still(imported(katana="DELIVERED"), status="on-hold")
    assert step(still(held, status="processing")) is Step.COMPLETE


# Rule 11: completed in the shop


def test_rule_11_completed_in_the_shop_delivers_in_katana() -> None:
    assert step(still(imported(), status="completed")) is Step.DELIVER
    partly = imported(katana="PARTIALLY_DELIVERED")
    assert step(still(partly, status="completed")) is Step.DELIVER


def test_rule_11_an_order_deleted_in_katana_is_not_delivered() -> None:
    record = still(imported(in_katana=InKatana.DELETED), status="completed")
    assert (record.state, step(record)) == (State.IMPORTED, Step.NOTHING)


@pytest.mark.parametrize(
    "reason", [Reason.DELIVERY_REFUSED, Reason.REFUNDED_SINCE_IMPORT, Reason.TOO_MANY_ATTEMPTS]
)
def test_rule_11_a_refused_delivery_ends_with_its_cause(reason: Reason) -> None:
    refused = needs_attention(imported("completed"), reason, "no stock", NOW)
    assert with_state(refused, RULES) == refused
    assert step(refused) is Step.NOTHING
    assert next_step(refused, RULES, NOW + RECHECK) is Step.DELIVER
    assert still(refused, status="processing").state is State.IMPORTED
    delivered = see_in_katana(make_sales_order("DELIVERED"), refused, RULES).record
    assert delivered is not None
    assert delivered.state is State.FULFILLED


def test_rule_11_a_refused_completion_ends_with_its_cause() -> None:
    refused = needs_attention(imported(katana="DELIVERED"), Reason.COMPLETION_REFUSED, "", NOW)
    assert with_state(refused, RULES) == refused
    reverted = see_in_katana(make_sales_order("NOT_SHIPPED"), refused, RULES).record
    assert reverted is not None
    assert reverted.state is State.IMPORTED


# Fulfilment: each direction at most once, fulfilled is final


def test_each_direction_acts_at_most_once_per_order() -> None:
    assert step(imported("completed", delivered_at=NOW)) is Step.NOTHING
    assert step(imported(katana="DELIVERED", completed_at=NOW)) is Step.NOTHING


def test_delivered_and_completed_is_fulfilled() -> None:
    record = still(imported(katana="DELIVERED", attempts=2), status="completed")
    assert (record.state, record.attempts, step(record)) == (State.FULFILLED, 0, Step.NOTHING)


def test_fulfilled_is_final_and_a_revert_is_a_note() -> None:
    done = imported("completed", "DELIVERED", state=State.FULFILLED)
    shop = see_in_shop(make_order(status="processing"), done, RULES, NOW)
    katana = see_in_katana(make_sales_order("NOT_SHIPPED"), done, RULES)
    assert [note.reason for note in shop.notes] == [Reason.REVERTED_IN_SHOP]
    assert [note.reason for note in katana.notes] == [Reason.REVERTED_IN_KATANA]
    for heard in (shop, katana):
        assert heard.record is not None
        assert (heard.record.state, step(heard.record)) == (State.FULFILLED, Step.NOTHING)


def test_without_sync_fulfillment_nothing_crosses() -> None:
    rules = replace(RULES, sync_fulfillment=False)
    assert step(imported("completed"), rules) is Step.NOTHING
    assert step(imported(katana="DELIVERED"), rules) is Step.NOTHING
    assert step(make_record(), rules) is Step.IMPORT


def test_an_ignored_order_is_left_alone() -> None:
    assert step(imported("completed", state=State.IGNORED)) is Step.NOTHING
    assert step(make_record(state=State.IGNORED)) is Step.NOTHING


def test_fulfilment_goes_on_for_an_order_in_attention() -> None:
    differs = imported("completed", state=State.ATTENTION, reason=Reason.TOTAL_DIFFERS)
    assert step(differs) is Step.DELIVER


# Rule 12: brakes


@pytest.mark.parametrize(
    ("completions", "open_orders", "stops"),
    [(50, 50, False), (51, 102, False), (51, 101, True), (400, 500, True), (400, 900, False)],
)
def test_rule_12_brake_on_many_completions(completions: int, open_orders: int, stops: bool) -> None:
    assert too_many_completions(completions, open_orders) is stops


def test_rule_12_a_disagreement_at_adoption_waits_for_a_person() -> None:
    known = imported(katana="DELIVERED", state=State.ATTENTION, reason=Reason.DISAGREED_AT_ADOPTION)
    assert (with_state(known, RULES), step(known)) == (known, Step.NOTHING)
    again = retried(known)
    assert again is not None
    assert step(again) is Step.COMPLETE


def test_rule_12_a_disagreement_at_adoption_ends_when_both_sides_agree() -> None:
    known = imported(katana="DELIVERED", state=State.ATTENTION, reason=Reason.DISAGREED_AT_ADOPTION)
    reopened = see_in_katana(make_sales_order("NOT_SHIPPED"), known, RULES).record
    assert reopened is not None
    assert (reopened.state, reopened.reason) == (State.IMPORTED, "")
    assert still(known, status="completed").state is State.FULFILLED
