"""Texts, fields and times as two web services and their plugins really send them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from katana_woo_sync.domain.fields import Amount, Text, Whole, convert, utc_time
from katana_woo_sync.domain.text import clean, plain, visible_meta
from katana_woo_sync.domain.woocommerce import Meta, Order
from tests.domain.samples import item, order_json


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("A\x00nn", "Ann"),
        ("\x1b[31mred", "[31mred"),
        ("half \ud83d emoji", "half emoji"),
        ("whole 💍 emoji", "whole 💍 emoji"),
        (" two \t  spaces ", "two spaces"),
        ("one\r\ntwo\nthree", "one\ntwo\nthree"),
        ("Ünïcödé Ελλάδα 東京", "Ünïcödé Ελλάδα 東京"),
    ],
)
def test_clean_takes_out_what_no_system_can_hold(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_clean_cuts_to_a_limit_and_says_so() -> None:
    assert clean("x" * 200, 200) == "x" * 200
    assert clean("x" * 201, 200) == "x" * 199 + "…"
    assert clean("abc defg", 5) == "abc…"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Tom &amp; Jerry&#8217;s", "Tom & Jerry’s"),
        ("<p>Red</p>", "Red"),
        ("5 &lt; 6 &gt; 4", "5 < 6 > 4"),
        ("&lt;script&gt;", "<script>"),
        ("plain", "plain"),
    ],
)
def test_plain_undoes_entities_and_tags(text: str, shown: str) -> None:
    assert plain(text) == shown


@pytest.mark.parametrize(
    ("entry", "shown"),
    [
        ({"key": "Engraving", "value": "Ann"}, (("Engraving", "Ann"),)),
        ({"key": "Letters", "value": 3}, (("Letters", "3"),)),
        ({"key": "c", "value": "r", "display_key": "C", "display_value": "R"}, (("C", "R"),)),
        ({"key": "_hidden", "value": "x"}, ()),
        ({"key": "", "value": "x"}, ()),
        ({"key": "empty", "value": ""}, ()),
        ({"key": "flag", "value": True}, ()),
        ({"key": "list", "value": ["a"], "display_value": ["a"]}, ()),
        ({"key": "null", "value": None}, ()),
    ],
)
def test_only_meta_that_the_shop_shows_is_visible(
    entry: dict[str, object], shown: tuple[tuple[str, str], ...]
) -> None:
    assert visible_meta([convert(entry, Meta)]) == shown


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("28.89", "28.89"),
        (2.5, "2.5"),
        (0.1, "0.1"),
        (7, "7"),
        ("", "0"),
        (None, "0"),
        (" 5 ", "5"),
        ("7.00000", "7"),
        (Decimal("150.0000000000"), "150"),
    ],
)
def test_amounts_are_taken_exactly_in_every_form(value: object, amount: str) -> None:
    assert convert(value, Amount) == Decimal(amount)


@pytest.mark.parametrize(
    "value", ["12,40", "NaN", "-Infinity", "1e400", "1E-60", True, [], {}, "free", 10**30]
)
def test_what_is_no_amount_is_refused(value: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        convert(value, Amount)


@pytest.mark.parametrize(("value", "whole"), [(57, 57), ("57", 57), (57.0, 57), ("", 0), (None, 0)])
def test_ids_are_whole_numbers_in_every_form(value: object, whole: int) -> None:
    assert convert(value, Whole) == whole


def test_half_an_id_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="whole number"):
        convert("57.5", Whole)


@pytest.mark.parametrize(
    ("value", "text"), [("a", "a"), (None, ""), (57, "57"), (True, "1"), (False, "")]
)
def test_texts_are_what_php_makes_of_a_value(value: object, text: str) -> None:
    assert convert(value, Text) == text


def test_a_refusal_names_the_field() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"line_items\[0\]\.total"):
        convert({"id": 1, "line_items": [{"id": 1, "total": "free"}]}, Order)


def test_a_null_sku_and_unknown_fields_do_no_harm() -> None:
    order = convert(order_json(items=[item(1, "1", sku=None)], plugin={"a": [1]}), Order)
    assert order.line_items[0].sku == ""


@pytest.mark.parametrize(
    "text",
    ["2026-11-23T03:50:03", "2026-11-23T03:50:03.000Z", "2026-11-23T05:50:03+02:00"],
)
def test_times_without_a_zone_are_utc(text: str) -> None:
    assert utc_time(text) == datetime(2026, 11, 23, 3, 50, 3, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "0000-00-00T00:00:00", "-0001-11-30T00:00:00", "yesterday"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert utc_time(text) is None
