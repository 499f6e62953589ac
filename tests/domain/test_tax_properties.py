"""Taxes of any lines, rates and roundings, by WooCommerce's own arithmetic (rule 5)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.sales_order import Terms, Unmappable, map_order, plan_order
from katana_woo_sync.domain.taxes import choose_rate, new_rate
from katana_woo_sync.domain.woocommerce import Order
from katana_woo_sync.sandbox.woocommerce.taxes import TaxRate
from katana_woo_sync.sandbox.woocommerce.totals import (
    Rounding,
    exclusive,
    inclusive,
)
from tests.domain.samples import (
    IDENTITY,
    Json,
    fee,
    item,
    make_order,
    resolve,
    shipping,
    tax_line,
)
from tests.domain.samples import tax_rate as katana_rate

PERCENTS = ("0", "0.375", "4", "4.5", "5", "5.5", "7", "9", "9.975", "19", "20", "24", "25.5")
ZERO = Decimal(0)
MICRO = Decimal("1E-6")

rates = st.lists(st.tuples(st.sampled_from(PERCENTS), st.booleans()), min_size=1, max_size=3).map(
    lambda found: [
        TaxRate(Decimal(percent), id=number, compound=compound and number > 1)
        for number, (percent, compound) in enumerate(found, 1)
    ]
)
roundings = st.builds(
    Rounding,
    at_subtotal=st.booleans(),
    decimals=st.sampled_from((0, 2, 2, 2, 3)),
    prices_include_tax=st.booleans(),
)
amounts = st.one_of(st.integers(0, 200), st.integers(0, 50_000), st.integers(0, 100_000_000)).map(
    lambda number: Decimal(number) / 100
)


class Shop:
    """How a shop writes the lines of an order."""

    def __init__(self, rounding: Rounding, rates: list[TaxRate]) -> None:
        self.rounding = rounding
        self.rates = rates
        self.decimals = 6 if rounding.at_subtotal else rounding.decimals

    def money(self, amount: Decimal, applied: list[TaxRate]) -> tuple[str, dict[int, str]]:
        """Net amount and taxes of a line of which the shop was told this amount."""
        if self.rounding.prices_include_tax:
            taxes = inclusive(amount, applied)
            net = amount - sum(taxes.values(), ZERO)
        else:
            taxes, net = exclusive(amount, applied), amount
        taxes = {i: self.rounding.line_tax(tax) for i, tax in taxes.items()}
        step = Decimal(1).scaleb(-self.decimals)
        return f"{net.quantize(step):f}", {i: f"{t.quantize(step):f}" for i, t in taxes.items()}

    def order(self, lines: dict[str, list[Json]], percents: Mapping[int, object]) -> Order:
        """The order with these lines; its total is rounded once more."""
        every = [line for kind in lines.values() for line in kind]
        total = sum((Decimal(str(x["total"])) + Decimal(str(x["total_tax"])) for x in every), ZERO)
        compound = {rate.id: rate.compound for rate in self.rates}
        return make_order(
            *lines["items"],
            fees=lines["fees"],
            ships=lines["ships"],
            inclusive=self.rounding.prices_include_tax,
            total=f"{self.rounding.shown(total):f}",
            tax_lines=[
                tax_line(i, percent, compound=compound[i]) for i, percent in percents.items()
            ],
        )

    @property
    def terms(self) -> Terms:
        """The store's terms."""
        rounding = self.rounding
        return Terms(
            IDENTITY, decimals=rounding.decimals, rounds_each_line=not rounding.at_subtotal
        )


@st.composite
def shops(draw: st.DrawFn) -> tuple[Shop, Order, bool]:
    """A shop, an order of it, and whether the percentages on it are still the right ones."""
    shop = Shop(draw(roundings), draw(rates))
    classes = st.lists(st.sampled_from(shop.rates), unique_by=lambda r: r.id, max_size=3)

    def money() -> tuple[str, dict[int, str]]:
        applied = sorted(draw(classes), key=lambda rate: rate.id)
        return shop.money(draw(amounts), applied)

    lines = {
        "items": [
            item(n, *money(), draw(st.sampled_from(("1", "2", "7", "2.5"))))
            for n in range(1, 1 + draw(st.integers(1, 4)))
        ],
        "fees": [fee(n, *money()) for n in range(20, 20 + draw(st.integers(0, 1)))],
        "ships": [shipping(n, *money()) for n in range(30, 30 + draw(st.integers(0, 2)))],
    }
    is_right = draw(st.booleans())
    today = st.sampled_from(("0", "19", "24", None))
    percents = {r.id: str(r.percent) if is_right else draw(today) for r in shop.rates}
    return shop, shop.order(lines, percents), is_right


@given(shops())
def test_katanas_total_is_within_the_shops_roundings(found: tuple[Shop, Order, bool]) -> None:
    shop, order, is_right = found
    plan = plan_order(order, (), shop.terms)
    drafts = [new_rate(need, {}) for need in plan.needs]
    if None in drafts:
        # too large an amount for three decimals; or old percentages, on lines of several rates
        several = any(rate.compound for rate in shop.rates) or len(shop.rates) > 1
        assert several
        return
    result = map_order(plan, resolve(plan), shop.terms)
    assert abs(result.total - result.expected) <= result.tolerance + MICRO
    if is_right and not plan.notes:
        assert all(need.percent is not None for need in plan.needs)


@given(shops())
def test_no_rate_of_more_than_three_decimals_is_asked_for(found: tuple[Shop, Order, bool]) -> None:
    shop, order, _is_right = found
    for need in plan_order(order, (), shop.terms).needs:
        draft = new_rate(need, {})
        if draft is not None:
            exponent = draft.rate.normalize().as_tuple().exponent
            assert isinstance(exponent, int)
            assert exponent >= -3
            assert 0 <= draft.rate <= Decimal("999.999")


@given(shops())
def test_what_was_created_is_found_again(found: tuple[Shop, Order, bool]) -> None:
    shop, order, _is_right = found
    for need in plan_order(order, (), shop.terms).needs:
        if new_rate(need, {}) is not None:
            created = katana_rate(need)
            assert choose_rate(need, [created], {}) == created


@given(
    st.booleans(),
    st.integers(100, 100_000).map(lambda n: Decimal(n) / 100),
    st.integers(100, 100_000).map(lambda n: Decimal(n) / 100),
    st.integers(100, 5_000).map(lambda n: Decimal(n) / 100),
)
def test_shipping_split_by_the_goods_keeps_the_order_within_its_roundings(
    with_tax: bool, first: Decimal, second: Decimal, post: Decimal
) -> None:
    shop = Shop(
        Rounding(prices_include_tax=with_tax),
        [TaxRate(Decimal(19), id=1), TaxRate(Decimal(7), id=2)],
    )
    high, low = shop.rates
    cent = Decimal("0.01")
    share = post * first / (first + second)
    taxes = {
        1: (share * 19 / 100).quantize(cent),
        2: ((post - share) * 7 / 100).quantize(cent),
    }
    assume(all(taxes.values()))
    lines = {
        "items": [item(1, *shop.money(first, [high])), item(2, *shop.money(second, [low]))],
        "fees": [],
        "ships": [shipping(9, str(post), {i: str(tax) for i, tax in taxes.items()})],
    }
    order = shop.order(lines, {1: "19", 2: "7"})
    plan = plan_order(order, (), shop.terms)
    result = map_order(plan, resolve(plan), shop.terms)
    assert {need.percent for need in plan.needs} <= {Decimal(19), Decimal(7), Decimal(26)}
    assert abs(result.total - result.expected) <= result.tolerance + MICRO


def test_a_need_that_no_rate_holds_keeps_the_order_from_being_mapped() -> None:
    lines = [item(1, "100", {1: "19.00"}), item(2, "100", {1: "7.00"})]
    plan = plan_order(make_order(*lines, rates={1: 24}), (), Terms(IDENTITY))
    with pytest.raises(Unmappable) as caught:
        resolve(plan)
    assert caught.value.reason is Reason.TAX_NOT_REPRESENTABLE
