"""Properties that hold for any plausible order, and for any sequence of events."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from katana_woo_sync.domain import katana, woocommerce
from katana_woo_sync.domain.fields import Amount, Text, Whole, convert, utc_time
from katana_woo_sync.domain.katana import encode
from katana_woo_sync.domain.order_record import (
    InKatana,
    OrderRecord,
    State,
    failed,
    needs_attention,
)
from katana_woo_sync.domain.order_rules import (
    Rules,
    Step,
    next_step,
    see_in_katana,
    see_in_shop,
    with_state,
)
from katana_woo_sync.domain.reasons import Reason, TriedAgain
from katana_woo_sync.domain.sales_order import Mapped, Unmappable
from katana_woo_sync.domain.taxes import HALF_A_CENT
from katana_woo_sync.domain.text import clean, plain
from katana_woo_sync.domain.woocommerce import Order
from katana_woo_sync.sandbox.woocommerce.taxes import TaxRate
from katana_woo_sync.sandbox.woocommerce.totals import Rounding
from katana_woo_sync.sandbox.woocommerce.totals import exclusive as tax_on_top
from katana_woo_sync.sandbox.woocommerce.totals import inclusive as tax_within
from tests.domain.samples import (
    DAY,
    NOW,
    RULES,
    Json,
    fee,
    item,
    make_order,
    make_record,
    make_refund,
    make_sales_order,
    mapped,
    order_json,
    shipping,
)

CENT = Decimal("0.01")
PERCENTS = ("0", "4", "4.5", "0.375", "5.5", "8.875", "9", "19", "24", "25.5")

percents = st.lists(st.sampled_from(PERCENTS), min_size=1, max_size=3)
cents = st.integers(0, 500_000).map(lambda n: n * CENT)
quantities = st.sampled_from(["1", "2", "3", "7", "12", "144", "1000", "2.5", "0.333"])


def _line(amount: Decimal, rates: dict[int, str], *, inclusive: bool) -> tuple[str, dict[int, str]]:
    """Net amount and taxes as WooCommerce rounds them; `amount` includes tax or not."""
    applied = [TaxRate(Decimal(percent), id=rate_id) for rate_id, percent in rates.items()]
    rounding = Rounding(prices_include_tax=inclusive)
    taxes = (tax_within if inclusive else tax_on_top)(amount, applied)
    net = amount - sum(taxes.values(), Decimal(0)) if inclusive else amount
    return str(rounding.shown(net)), {i: str(rounding.tax_total(t)) for i, t in taxes.items()}


@st.composite
def orders(draw: st.DrawFn, *, inclusive: bool) -> Order:
    """An order with items, fees of either sign and shipping, rounded as WooCommerce does."""
    rates = dict(enumerate(draw(percents), start=1))

    def amounts(amount: Decimal) -> tuple[str, dict[int, str]]:
        chosen = draw(st.sets(st.sampled_from(sorted(rates)), max_size=2))
        if not chosen:
            return str(amount), {}
        return _line(amount, {i: rates[i] for i in chosen}, inclusive=inclusive)

    items = [
        item(n, *amounts(amount), draw(quantities))
        for n, amount in enumerate(draw(st.lists(cents, min_size=1, max_size=4)), start=1)
    ]
    signed = st.builds(lambda amount, sign: amount * sign, cents, st.sampled_from((1, -1)))
    fees = [
        fee(n, *amounts(amount))
        for n, amount in enumerate(draw(st.lists(signed, max_size=2)), start=20)
    ]
    ships = [
        shipping(n, *amounts(amount))
        for n, amount in enumerate(draw(st.lists(cents, max_size=2)), start=30)
    ]
    return make_order(*items, fees=fees, ships=ships, rates=rates, inclusive=inclusive)


def in_katana(order: Order) -> Mapped | None:
    """The mapped order; None only for an order whose discounts are more than all of it."""
    try:
        return mapped(order)
    except Unmappable as error:
        refused = error.reason
    assert refused is Reason.CANNOT_HOLD
    assert order.total < 0
    return None


@given(orders(inclusive=True))
def test_the_total_of_a_tax_inclusive_order_is_the_shops_to_the_cent(order: Order) -> None:
    result = in_katana(order)
    if result is not None and order.total >= 0:
        assert abs(result.total - order.total) < HALF_A_CENT


@given(orders(inclusive=False))
def test_the_total_of_a_tax_exclusive_order_is_within_the_shops_roundings(order: Order) -> None:
    result = in_katana(order)
    if result is not None:
        assert abs(result.total - order.total) <= result.tolerance + Decimal("1E-6")


@given(st.one_of(orders(inclusive=True), orders(inclusive=False)))
def test_nothing_negative_and_at_most_ten_decimals_is_sent(order: Order) -> None:
    result = in_katana(order)
    for row in result.draft.sales_order_rows if result else ():
        discount = row.total_discount or Decimal(0)
        for amount in (row.price_per_unit, discount, row.quantity):
            exponent = amount.as_tuple().exponent
            assert amount >= 0
            assert isinstance(exponent, int)
            assert exponent >= -10
        assert discount <= row.quantity * row.price_per_unit
    if result and result.fee:
        assert Decimal(result.fee.amount) > 0


@given(orders(inclusive=True), cents)
def test_a_refund_of_an_amount_is_taken_off_the_total_to_the_cent(
    order: Order, amount: Decimal
) -> None:
    left = order.total - amount
    if amount and left > 0 and order.total > 0:
        result = mapped(order, make_refund(str(amount)))
        assert abs(result.total - left) < HALF_A_CENT


@given(st.one_of(orders(inclusive=True), orders(inclusive=False)))
def test_mapping_is_deterministic(order: Order) -> None:
    assert in_katana(order) == in_katana(order)


@given(st.one_of(orders(inclusive=True), orders(inclusive=False)))
def test_amounts_survive_json_exactly_and_as_numbers(order: Order) -> None:
    result = in_katana(order)
    if result is None:
        return
    sent = json.loads(encode(result.draft), parse_float=Decimal)["sales_order_rows"]
    for row, there in zip(result.draft.sales_order_rows, sent, strict=True):
        for name in ("price_per_unit", "quantity"):
            assert isinstance(there[name], (int, Decimal))
            assert there[name] == getattr(row, name)
        assert there.get("total_discount") == row.total_discount


# What to do next

statuses = st.sampled_from(
    ["processing", "completed", "on-hold", "cancelled", "refunded", "trash", "gone"]
)
katana_statuses = st.sampled_from(["NOT_SHIPPED", "PARTIALLY_DELIVERED", "PACKED", "DELIVERED"])
maybe_now = st.sampled_from([None, NOW, NOW + DAY])
rules = st.builds(
    Rules,
    sync_fulfillment=st.booleans(),
    complete_from=st.sampled_from(
        [frozenset({"processing"}), frozenset({"processing", "on-hold"})]
    ),
)
records = st.builds(
    make_record,
    state=st.sampled_from(State),
    reason=st.sampled_from(["", *Reason]),
    in_katana=st.sampled_from(InKatana),
    shop_status=statuses,
    katana_status=katana_statuses,
    completed_at=maybe_now,
    delivered_at=maybe_now,
    next_attempt_at=maybe_now,
    attempts=st.integers(0, 6),
)


@given(records, rules)
def test_with_state_is_idempotent(record: OrderRecord, rules: Rules) -> None:
    after = with_state(record, rules)
    assert with_state(after, rules) == after


@given(records, rules)
def test_a_new_state_changes_only_the_state_and_what_goes_with_it(
    record: OrderRecord, rules: Rules
) -> None:
    after = with_state(record, rules)
    kept = replace(
        after,
        state=record.state,
        reason=record.reason,
        detail=record.detail,
        attempts=record.attempts,
        next_attempt_at=record.next_attempt_at,
    )
    assert kept == record


@given(records, rules)
def test_no_direction_is_proposed_twice(record: OrderRecord, rules: Rules) -> None:
    step = next_step(record, rules, NOW + 2 * DAY)
    assert not (step is Step.COMPLETE and record.completed_at)
    assert not (step is Step.DELIVER and record.delivered_at)
    assert not (step is Step.IMPORT and record.in_katana is not InKatana.NO)
    if record.in_katana is not InKatana.NO and record.state is State.FULFILLED:
        assert step is Step.NOTHING


@dataclass
class World:
    """A shop and a Katana with one order, and a program that carries out what is decided."""

    record: OrderRecord
    shop: str = "processing"
    katana: str = "NOT_SHIPPED"
    deleted: bool = False
    done: tuple[Step, ...] = ()

    def read(self) -> None:
        """Both sides are heard."""
        seen = see_in_shop(make_order(status=self.shop), self.record, RULES, NOW).record
        assert seen is not None
        self.record = seen
        if self.record.in_katana is not InKatana.NO:
            gone = "2026-11-22T00:00:00Z" if self.deleted else None
            there = make_sales_order(self.katana, deleted_at=gone)
            seen = see_in_katana(there, self.record, RULES).record
            assert seen is not None
            self.record = seen

    def work(self, *, succeeds: bool) -> None:
        """One cycle: hear, decide, act, record."""
        self.read()
        later = NOW + timedelta(days=len(self.done) + 1)
        step = next_step(self.record, RULES, later)
        if step is Step.NOTHING:
            return
        if not succeeds:
            self.record = failed(self.record, Reason.TEMPORARY, "", NOW)
            return
        self.done += (step,)
        if step is Step.IMPORT:
            self.record = replace(
                self.record, in_katana=InKatana.YES, state=State.IMPORTED, sales_order_id=501
            )
        elif step is Step.DELIVER:
            self.katana = "DELIVERED"
            self.record = replace(self.record, delivered_at=NOW)
        else:
            self.shop = "completed"
            self.record = replace(self.record, completed_at=NOW)
        self.read()


events = st.one_of(
    st.tuples(st.just("shop"), statuses),
    st.tuples(st.just("katana"), katana_statuses),
    st.tuples(st.just("deleted"), st.booleans()),
    st.tuples(st.just("work"), st.booleans()),
)


@given(st.lists(events, max_size=25))
def test_whatever_happens_an_order_is_imported_delivered_and_completed_at_most_once(
    happened: list[tuple[str, object]],
) -> None:
    world = World(make_record())
    for what, value in happened:
        if what == "work":
            world.work(succeeds=bool(value))
        else:
            setattr(world, what, value)
        for step in (Step.IMPORT, Step.DELIVER, Step.COMPLETE):
            assert world.done.count(step) <= 1


@given(st.lists(events, max_size=15))
def test_fulfilled_is_final(happened: list[tuple[str, object]]) -> None:
    world = World(make_record(in_katana=InKatana.YES, state=State.FULFILLED))
    for what, value in happened:
        if what == "work":
            world.work(succeeds=bool(value))
        else:
            setattr(world, what, value)
    assert (world.record.state, world.done) == (State.FULFILLED, ())


@given(records, st.sampled_from(Reason))
def test_a_problem_says_when_it_is_looked_at_again_unless_trying_cannot_mend_it(
    record: OrderRecord, reason: Reason
) -> None:
    again = failed(record, reason, "", NOW)
    is_shown = (again.state, again.reason) == (State.ATTENTION, Reason.TOO_MANY_ATTEMPTS)
    given_up = is_shown and record.in_katana is InKatana.NO
    assert (again.next_attempt_at is None) == given_up
    assert again.next_attempt_at is None or again.next_attempt_at > NOW
    waits = needs_attention(record, reason, "", NOW).next_attempt_at
    given_up = reason is Reason.TOO_MANY_ATTEMPTS and record.in_katana is InKatana.NO
    assert (waits is None) == (given_up or reason.about.tried_again is TriedAgain.NEVER)
    assert waits is None or waits > NOW


# What comes over the wire

json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.decimals(),
        st.text(),
        st.sampled_from(["", "0.00", "-1", "1e9", "NaN", "Infinity", "12,40", "0E+99", " 5 "]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
kinds = st.sampled_from(
    [
        Amount,
        Text,
        Whole,
        woocommerce.Order,
        woocommerce.Refund,
        woocommerce.Product,
        katana.SalesOrder,
        katana.Customer,
        katana.Variant,
        katana.TaxRate,
    ]
)


@given(json_values, kinds)
def test_any_json_converts_or_is_refused_as_invalid(value: object, kind: type) -> None:
    with suppress(msgspec.ValidationError):
        assert isinstance(convert(value, kind), kind)


@st.composite
def spoilt_orders(draw: st.DrawFn) -> Json:
    """An order of which a plugin has changed a field, or a field of a line."""
    order = order_json(
        items=[item(1, "10", {1: "2.40"})],
        fees=[fee(2, "-1", {1: "-0.24"})],
        ships=[shipping(3, "5", {1: "1.20"})],
    )
    place = draw(st.sampled_from(["order", "line_items", "fee_lines", "tax_lines"]))
    lines = order.get(place)
    target = lines[0] if isinstance(lines, list) else order
    target[draw(st.sampled_from(sorted(target)))] = draw(json_values)
    return order


@given(spoilt_orders())
def test_a_spoilt_order_is_refused_maps_or_is_not_mappable_but_never_breaks(raw: Json) -> None:
    try:
        order = convert(raw, Order)
    except msgspec.ValidationError:
        return
    seen = see_in_shop(order, make_record(), RULES, NOW)
    assert seen.record is not None
    with suppress(Unmappable):
        assert encode(mapped(order).draft)


@given(st.text())
def test_any_text_is_a_time_or_none(text: str) -> None:
    moment = utc_time(text)
    assert moment is None or moment.utcoffset() == timedelta(0)


@given(st.text(), st.integers(1, 20))
def test_cleaned_text_is_clean_and_short_enough(text: str, limit: int) -> None:
    once = clean(text, limit)
    assert len(once) <= limit
    assert clean(clean(text)) == clean(text)
    once.encode("utf-8")
    plain(text).encode("utf-8")


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_a_time_beyond_the_calendar_is_none(text: str) -> None:
    assert utc_time(text) is None
