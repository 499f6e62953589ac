"""Rule 2's takeover: what Katana already holds is adopted where it agrees with the shop."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from katana_woo_sync.domain.adoption import adopt, agrees, mismatch, woocommerce_id
from katana_woo_sync.domain.katana import SalesOrder
from katana_woo_sync.domain.order_record import InKatana, OrderRecord, State, fingerprint
from katana_woo_sync.domain.order_rules import Step, next_step, stale_disagreement
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.woocommerce import Order
from tests.domain.samples import (
    DAY,
    IDENTITY,
    NOW,
    RULES,
    imported,
    make_order,
    make_record,
    make_sales_order,
)

SAME_DAY = "2026-11-20T00:00:00.000Z"
ANOTHER_DAY = "2026-11-10T09:30:00.000Z"


def adopted(sales_order: SalesOrder, order: Order | None) -> OrderRecord:
    """The record of an adopted order."""
    return adopt(sales_order, order, IDENTITY, RULES, NOW)


def test_rule_02_the_exact_date_is_witness_enough() -> None:
    other = make_sales_order(order_no="SO-1", total="99")
    assert agrees(other, make_order(), "")


@pytest.mark.parametrize("number", ["A7", "EU-A7", "#A7"])
def test_rule_02_the_same_day_and_the_number_agree(number: str) -> None:
    there = make_sales_order(order_created_date=SAME_DAY, order_no=number, total="99")
    assert agrees(there, make_order(number="A7"), "EU-")


@pytest.mark.parametrize("number", ["57", "EU-57", "#57"])
def test_rule_02_a_number_that_is_the_id_is_no_second_witness(number: str) -> None:
    there = make_sales_order(order_created_date=SAME_DAY, order_no=number, total="99")
    assert not agrees(there, make_order(), "EU-")


def test_rule_02_the_same_day_and_the_total_agree() -> None:
    there = make_sales_order(order_created_date=SAME_DAY, order_no="SO-1", total="12.45")
    assert agrees(there, make_order(), "")


def test_rule_02_the_same_day_alone_does_not_agree() -> None:
    for total in ("12.55", None):
        there = make_sales_order(order_created_date=SAME_DAY, order_no="SO-1", total=total)
        assert not agrees(there, make_order(), "")


def test_rule_02_a_clone_with_another_date_does_not_agree_whatever_else_does() -> None:
    assert not agrees(make_sales_order(order_created_date=ANOTHER_DAY), make_order(), "")
    assert not agrees(make_sales_order(order_created_date=""), make_order(), "")


def test_rule_02_a_mismatch_is_for_attention_and_never_imported() -> None:
    record = mismatch(make_sales_order(), make_order(), IDENTITY, NOW)
    assert (record.state, record.reason) == (State.ATTENTION, Reason.TAKEOVER_MISMATCH)
    assert record.in_katana is InKatana.NO
    assert next_step(record, RULES, NOW + 365 * DAY) is Step.NOTHING


def test_rule_02_an_open_order_is_adopted_as_imported() -> None:
    order = make_order(refunds=[{"id": 8, "total": "-1"}])
    record = adopted(make_sales_order(order_no="SO-9"), order)
    assert (record.state, record.in_katana) == (State.IMPORTED, InKatana.YES)
    assert (record.sales_order_id, record.sales_order_no) == (501, "SO-9")
    assert (record.refunds, record.fingerprint) == ((8,), fingerprint(order))
    assert (record.identity, record.order_key) == (IDENTITY, "wc_order_a")
    assert next_step(record, RULES, NOW) is Step.NOTHING


def test_rule_02_an_order_deleted_in_katana_is_adopted_and_stays_out() -> None:
    record = adopted(make_sales_order(deleted_at="2026-11-21T00:00:00Z"), make_order())
    assert record.in_katana is InKatana.DELETED
    assert next_step(record, RULES, NOW) is Step.NOTHING


def test_rule_02_an_order_that_the_shop_lost_is_adopted_by_what_katana_knows() -> None:
    record = adopted(make_sales_order(), None)
    assert (record.order_id, record.shop_status, str(record.total)) == (57, "gone", "12.4000000000")
    assert adopted(make_sales_order("DELIVERED"), None).state is State.FULFILLED


def test_rule_02_delivered_and_completed_is_adopted_as_fulfilled() -> None:
    done = make_order(status="completed", date_completed_gmt="2025-01-01T00:00:00")
    assert adopted(make_sales_order("DELIVERED"), done).state is State.FULFILLED


def test_rule_12_a_recent_disagreement_is_carried_over() -> None:
    recent = (NOW - 6 * DAY).isoformat()
    delivered = adopted(make_sales_order("DELIVERED", picked_date=recent), make_order())
    assert next_step(delivered, RULES, NOW) is Step.COMPLETE
    order = make_order(status="completed", date_completed_gmt=recent)
    assert next_step(adopted(make_sales_order(), order), RULES, NOW) is Step.DELIVER


def test_rule_12_an_old_disagreement_is_listed_for_attention() -> None:
    old = (NOW - 8 * DAY).isoformat()
    delivered = adopted(make_sales_order("DELIVERED", picked_date=old), make_order())
    order = make_order(status="completed", date_completed_gmt=old)
    for record in (delivered, adopted(make_sales_order(), order)):
        assert record.reason == Reason.DISAGREED_AT_ADOPTION
        assert next_step(record, RULES, NOW) is Step.NOTHING


def test_rule_12_a_disagreement_of_unknown_age_counts_as_old() -> None:
    unknown = make_sales_order("DELIVERED", picked_date=None, updated_at=None)
    assert stale_disagreement(imported(katana="DELIVERED"), make_order(), unknown, NOW)
    assert stale_disagreement(imported("completed"), None, make_sales_order(), NOW)


def test_rule_12_a_pair_that_agrees_is_never_stale() -> None:
    old = make_sales_order(updated_at="2020-01-01T00:00:00Z")
    assert not stale_disagreement(imported(), make_order(), old, NOW)
    assert not stale_disagreement(imported("completed", "DELIVERED"), make_order(), old, NOW)


def test_rule_09_an_order_cancelled_in_the_shop_is_adopted_for_attention() -> None:
    record = adopted(make_sales_order(), make_order(status="cancelled"))
    assert record.reason == Reason.CANCELLED_IN_SHOP


@pytest.mark.parametrize(
    ("text", "order_id"),
    [("57", 57), (" 57 ", 57), ("", None), ("wc-57", None), ("-1", None), ("٥٧", None)],
)
def test_the_hidden_id_is_a_number_or_none_of_ours(text: str, order_id: int | None) -> None:
    assert woocommerce_id(make_sales_order(ecommerce_order_id=text)) == order_id


def test_an_adopted_record_is_open_or_delivered_but_not_both() -> None:
    record = adopted(make_sales_order(), make_order())
    assert (record.is_open_in_katana, record.is_delivered) == (True, False)
    delivered = replace(record, katana_status="DELIVERED")
    assert (delivered.is_open_in_katana, delivered.is_delivered) == (False, True)
    assert not make_record().is_open_in_katana
