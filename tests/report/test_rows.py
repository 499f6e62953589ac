"""The list of orders on the page: how large it may be, and what stands in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from msgspec.structs import replace

from benchmarks.page import make
from katana_woo_sync.report.rows import MOST_LINES, listing, story
from katana_woo_sync.report.values import Happened, OrderShown

NOW = datetime(2026, 11, 20, 14, 3, tzinfo=UTC)
ORDER = OrderShown(
    store="eu",
    order_id=57,
    number="1057",
    created=NOW,
    total=Decimal("12.40"),
    currency="EUR",
    state="imported",
    reason="",
    sentence="",
    in_katana_as="SO-1057",
    shop_status="processing",
    katana_status="NOT_SHIPPED",
    shop_link="https://shop.example.com/wp-admin/post.php?post=57&action=edit",
    katana_link="https://factory.katanamrp.com/salesorder/7",
)


def test_a_page_of_ten_thousand_orders_is_under_five_megabytes(tmp_path: Path) -> None:
    page, _seconds = make(tmp_path, 10_000)
    text = page.read_bytes()
    assert text.count(b"<li id=") == 10_000
    assert len(text) < 5_000_000


def test_the_list_takes_what_fits_newest_first() -> None:
    orders = [replace(ORDER, order_id=n) for n in range(10)]
    each = listing(orders[:1], 10_000).size
    few = listing(orders, 3 * each + each // 2)
    assert (few.count, few.size) == (3, 3 * each)
    assert 'id="eu-2"' in few.html
    assert 'id="eu-3"' not in few.html


def test_what_the_list_can_be_narrowed_to_is_counted() -> None:
    waiting = replace(ORDER, state="attention", reason="unknown_sku", store="us")
    listed = listing([ORDER, waiting, waiting], 10_000)
    assert listed.stores == {"eu": 1, "us": 2}
    assert listed.states == {"attention": 2, "imported": 1}
    assert listed.reasons == {"unknown_sku": 2}


def test_every_text_of_a_row_is_escaped() -> None:
    bad = "<b>\"'&\u202e"
    row = replace(
        ORDER,
        number=bad,
        state=bad,
        reason=bad,
        sentence=bad,
        in_katana_as=bad,
        shop_status=bad,
        katana_status=bad,
        shop_link=bad,
        katana_link=bad,
        currency=bad,
        next=bad,
        story=[Happened(NOW, bad)],
    )
    html = listing([row], 10_000).html
    assert '<b>"' not in html
    assert "<b>&#34;" not in html
    assert html.count("&lt;b&gt;") == 13


def test_a_day_is_named_once_in_a_story() -> None:
    happened = [
        Happened(NOW, "shop: paid"),
        Happened(NOW + timedelta(minutes=2), "katana: imported"),
        Happened(NOW + timedelta(days=2), "katana: delivered"),
    ]
    assert story(replace(ORDER, story=happened, next="waits")) == (
        "<p><b>Next:</b> waits<p>2026-11-20 14:03 shop: paid\n14:05 katana: imported\n"
        "2026-11-22 14:03 katana: delivered"
    )


def test_of_a_long_story_the_newest_lines_are_shown() -> None:
    happened = [Happened(NOW, f"line {n}") for n in range(MOST_LINES + 5)]
    lines = story(replace(ORDER, story=happened)).split("\n")
    assert lines[0] == "<p>(5 earlier lines are left out)"
    assert len(lines) == MOST_LINES + 1
    assert lines[-1].endswith(f"line {MOST_LINES + 4}")
