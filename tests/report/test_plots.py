"""Bars as SVG: well formed, to scale, and without anything but text in their texts."""

from __future__ import annotations

from datetime import date, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katana_woo_sync.report.plots import HEIGHT, shown, svg, ticks_of
from katana_woo_sync.report.values import Plot, Series

DAY = date(2026, 3, 1)


def plot(*series: Series, unit: str = "count", overlaid: bool = False) -> Plot:
    """A plot of these series."""
    days = [DAY + timedelta(days=n) for n in range(len(series[0].values))]
    return Plot(
        title="T",
        caption="C",
        days=days,
        series=series,
        unit="minutes" if unit == "minutes" else "count",
        overlaid=overlaid,
    )


def bars(drawn: str) -> list[tuple[float, float]]:
    """Where each bar begins, and its height."""
    rects = [r for r in ET.fromstring(drawn).iter("rect") if r.get("class") != "hit"]
    return [(float(r.get("y", "")), float(r.get("height", ""))) for r in rects]


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=40), st.sampled_from(["count", "minutes"]))
def test_every_bar_is_inside_of_the_picture(values: list[float], unit: str) -> None:
    for y, height in bars(svg(plot(Series("a", values), unit=unit))):
        assert y >= 0
        assert y + height <= HEIGHT


@given(st.floats(0, 1e9))
def test_the_scale_holds_the_tallest_bar(value: float) -> None:
    assert ticks_of(plot(Series("a", [value, 0.0])))[-1] >= value


def test_stacked_bars_stand_on_each_other() -> None:
    (lower, height), (upper, other) = bars(svg(plot(Series("a", [2]), Series("b", [2]))))
    assert upper + other == pytest.approx(lower)
    assert height == pytest.approx(other, abs=0.2)


def test_overlaid_bars_stand_on_the_same_ground() -> None:
    (a, tall), (b, short) = bars(svg(plot(Series("a", [4]), Series("b", [2]), overlaid=True)))
    assert a + tall == pytest.approx(b + short)
    assert tall > short


def test_a_name_with_markup_is_text() -> None:
    drawn = svg(plot(Series("<script>&\"'", [1])))
    assert ET.fromstring(drawn).find(".//script") is None
    assert "<script>&\"' 1" in "".join(ET.fromstring(drawn).itertext())


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(0, "0"), (0.4, "<1 min"), (10, "10 min"), (90, "1.5 h"), (1440, "1 d"), (10080, "1 wk")],
)
def test_times_are_in_the_unit_that_people_use(minutes: float, text: str) -> None:
    assert shown(minutes, plot(Series("a", [1]), unit="minutes")) == text
