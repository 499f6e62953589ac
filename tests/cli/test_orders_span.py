"""`orders --since --until --csv`: a span of the ledger, as a table for a spreadsheet."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from katana_woo_sync.domain.dates import read_end
from katana_woo_sync.domain.order_record import OrderRecord
from katana_woo_sync.ledger import Ledger
from tests.cli.support import run, run_json
from tests.sync.world import World

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def kept(world: World, **created: datetime) -> None:
    """Orders in the ledger, by number, that were placed then."""
    with Ledger.open(world.ledger) as ledger:
        ledger.orders.save(
            OrderRecord(
                identity=world.identity,
                order_id=900 + place,
                number=number,
                order_key="",
                created=at,
                currency="EUR",
                total=Decimal("12.40"),
                shop_status="processing",
                first_seen_at=at,
            )
            for place, (number, at) in enumerate(created.items())
        )


@pytest.fixture
def october(world: World) -> World:
    """Orders around the edges of a month."""
    kept(
        world,
        before=datetime(2026, 9, 30, 23, 59, 59, tzinfo=UTC),
        first=datetime(2026, 10, 1, tzinfo=UTC),
        last=datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC),
        after=datetime(2026, 11, 1, tzinfo=UTC),
    )
    return world


def numbers(world: World, *arguments: str) -> set[str]:
    """The numbers of the orders that are printed as CSV."""
    ended = run(world, "orders", "--csv", *arguments)
    assert ended.exit_code == 0, ended.output
    return {row["order_number"] for row in csv.DictReader(io.StringIO(ended.stdout))}


@pytest.mark.parametrize(
    ("span", "found"),
    [
        (("--since", "2026-10-01", "--until", "2026-10-31"), {"first", "last"}),
        (("--since", "2026-10-01", "--until", "2026-10"), {"first", "last"}),
        (("--until", "2026-09-30"), {"before"}),
        (("--since", "2026-11-01T00:00:00Z"), {"after"}),
        (("--until", "2026-10-01T00:00:00Z"), {"before"}),
        (("--since", "2026-10-01", "--until", "2099-12-31"), {"first", "last", "after"}),
        (("--since", "2026-10-31", "--until", "2026-10-01"), set()),
        ((), {"before", "first", "last", "after"}),
    ],
)
def test_the_days_that_are_named_belong_to_it(
    october: World, span: tuple[str, ...], found: set[str]
) -> None:
    assert numbers(october, *span) == found


def test_it_is_the_same_for_the_table_and_json(october: World) -> None:
    span = ("--since", "2026-10-01", "--until", "2026-10-31")
    orders = run_json(october, "orders", *span)["orders"]
    assert isinstance(orders, list)
    assert [order["order_number"] for order in orders] == ["last", "first"]
    ended = run(october, "orders", *span, "--limit", "1")
    assert "1 older ones are left out; --limit 2 shows all." in ended.stderr


def test_what_was_typed_in_the_shop_is_no_formula(world: World) -> None:
    kept(world, **{"=HYPERLINK(1)": NOW})
    assert numbers(world) == {"'=HYPERLINK(1)"}


def test_a_thousand_orders_are_all_printed(world: World) -> None:
    kept(world, **{str(number): NOW for number in range(1000)})
    assert len(numbers(world)) == 1000
    assert len(numbers(world, "--limit", "7")) == 7


def test_amounts_and_times_are_as_json_has_them(world: World) -> None:
    order = world.order()
    run(world, "sync")
    ended = run(world, "orders", "--csv")
    (row,) = csv.DictReader(io.StringIO(ended.stdout))
    shown = run_json(world, "order", "eu", str(order))
    assert {name: row[name] or None for name in row} == {
        name: None if shown[name] is None else str(shown[name]) for name in row
    }


def test_one_form_at_a_time(world: World) -> None:
    assert run(world, "orders", "--csv", "--json").exit_code == 2


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("2026-10-31", datetime(2026, 11, 1, tzinfo=UTC)),
        ("31 Oct", datetime(2026, 11, 1, tzinfo=UTC)),
        ("October 2026", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-10-31T08:00:00+02:00", datetime(2026, 10, 31, 6, tzinfo=UTC)),
        ("20261031T080000Z", datetime(2026, 10, 31, 8, tzinfo=UTC)),
    ],
)
def test_the_end_of_a_span(text: str, end: datetime) -> None:
    assert read_end(text, NOW) == end
