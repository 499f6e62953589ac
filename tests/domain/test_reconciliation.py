"""A month in the shop against Katana: sums, and the orders that differ."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from katana_woo_sync.domain.reconciliation import (
    Amounts,
    ByRate,
    Pair,
    cells,
    differing,
)

cents = st.integers(0, 10**7).map(lambda number: Decimal(number) / 100)
rates = st.sampled_from([Decimal(0), Decimal(9), Decimal(24), Decimal("8.875")])
sides = st.dictionaries(rates, st.builds(Amounts, cents, cents), max_size=3)
pairs = st.lists(
    st.builds(
        Pair,
        store=st.sampled_from(["eu", "us"]),
        order_id=st.integers(1, 9999),
        number=st.text(max_size=5),
        day=st.integers(0, 30).map(lambda days: date(2026, 10, 1) + timedelta(days=days)),
        currency=st.sampled_from(["EUR", "USD"]),
        shop=st.none() | sides,
        katana=st.none() | sides,
    ),
    max_size=20,
)


def total(side: ByRate | None) -> Decimal:
    """The sum of a side, with tax."""
    return sum((amounts.total for amounts in (side or {}).values()), Decimal(0))


@given(pairs)
def test_the_sums_of_the_cells_are_the_sums_of_the_orders(found: list[Pair]) -> None:
    made = cells(found)
    assert sum((cell.shop.total for cell in made), Decimal(0)) == sum(
        (total(pair.shop) for pair in found), Decimal(0)
    )
    assert sum((cell.katana.total for cell in made), Decimal(0)) == sum(
        (total(pair.katana) for pair in found), Decimal(0)
    )
    assert sum((cell.difference for cell in made), Decimal(0)) == sum(
        (pair.difference for pair in found), Decimal(0)
    )


@given(pairs)
def test_cells_are_sorted_and_each_stands_once(found: list[Pair]) -> None:
    keys = [(cell.store, cell.day, cell.currency, cell.rate) for cell in cells(found)]
    assert keys == sorted(set(keys))


@given(pairs)
def test_orders_that_agree_do_not_differ_and_the_others_do(found: list[Pair]) -> None:
    wrong = differing(found)
    for pair in found:
        agrees = total(pair.shop) == total(pair.katana) and bool(pair.shop) == bool(pair.katana)
        assert (pair in wrong) != agrees
