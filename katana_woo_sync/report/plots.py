"""Bars by day as SVG, sized for a telephone: wide screens show several beside each other.

Colours are classes (`s0`, `s1`, …) and the style sheet's: the page's policy allows no style in
elements, and the same plot serves light and dark.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

from markupsafe import Markup

from katana_woo_sync.report.values import Plot

WIDTH, HEIGHT = 360, 170
LEFT, RIGHT, TOP, BOTTOM = 44, 4, 10, 22
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
MINUTE_TICKS = (1.0, 10.0, 60.0, 360.0, 1440.0, 10080.0, 40320.0, 525600.0)


def svg(plot: Plot) -> Markup:
    """The plot. Every text in it is escaped; a day's numbers show where it is pointed at."""
    ticks = ticks_of(plot)
    parts = [
        Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
            WIDTH, HEIGHT, f"{plot.title}: {plot.caption}"
        )
    ]
    for tick in ticks:
        y = _y(tick, ticks, plot)
        parts.append(
            Markup(
                '<line class="rule" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>'
                '<text class="tick" x="{}" y="{:.1f}" text-anchor="end">{}</text>'
            ).format(LEFT, WIDTH - RIGHT, y, y, LEFT - 5, y + 4, shown(tick, plot))
        )
    step = (WIDTH - LEFT - RIGHT) / max(1, len(plot.days))
    for n, day in enumerate(plot.days):
        parts.append(_day(plot, n, day, step, ticks))
    for n, anchor in ((0, "start"), (len(plot.days) // 2, "middle"), (len(plot.days) - 1, "end")):
        x = LEFT + step * {"start": n, "middle": n + 0.5, "end": n + 1}[anchor]
        parts.append(
            Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="{}">{}</text>').format(
                x, HEIGHT - 6, anchor, day_text(plot.days[n])
            )
        )
    parts.append(Markup("</svg>"))
    return Markup("").join(parts)


def _day(plot: Plot, n: int, day: date, step: float, ticks: Sequence[float]) -> Markup:
    """One day's bars, and over its whole height what a pointer asks for."""
    x, width = LEFT + step * n + step * 0.12, step * 0.76
    bars, below = [], 0.0
    for at, series in enumerate(plot.series):
        value = series.values[n]
        if value <= 0:
            continue
        foot = 0.0 if plot.overlaid else below
        top, bottom = _y(foot + value, ticks, plot), _y(foot, ticks, plot)
        below = foot + value
        bars.append(
            Markup(
                '<rect class="s{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>'
            ).format(at, x, min(top, bottom - 1), width, max(1.0, bottom - top))
        )
    numbers = ", ".join(
        f"{series.name} {shown(series.values[n], plot)}"
        for series in plot.series
        if series.values[n] > 0
    )
    return Markup(
        '<g><title>{}: {}</title><rect class="hit" x="{:.1f}" y="{}" width="{:.1f}" height="{}"/>'
        "{}</g>"
    ).format(
        day_text(day),
        numbers or "none",
        LEFT + step * n,
        TOP,
        step,
        HEIGHT - TOP - BOTTOM,
        Markup("").join(bars),
    )


def ticks_of(plot: Plot) -> list[float]:
    """Where the scale has its lines: from 0 to what holds the tallest bar."""
    columns = zip(*(series.values for series in plot.series), strict=True)
    tallest = max((max(c) if plot.overlaid else sum(c) for c in columns), default=0.0)
    if plot.unit == "minutes":
        above = next((i for i, t in enumerate(MINUTE_TICKS) if t >= tallest), None)
        kept = MINUTE_TICKS[: max(2, len(MINUTE_TICKS) if above is None else above + 1)]
        return [0.0, *kept]
    top = _round_up(max(1.0, tallest))
    halves = top >= 2
    return [0.0, top / 2, top] if halves else [0.0, top]


def _round_up(value: float) -> float:
    """The next number that is even, to its two first digits, so that its half is whole."""
    unit = 10.0 ** max(0, math.floor(math.log10(value)) - 1)
    whole = math.ceil(value / unit)
    return unit * (whole if whole % 2 == 0 or value <= 1 else whole + 1)


def _y(value: float, ticks: Sequence[float], plot: Plot) -> float:
    part = _scaled(value, plot) / _scaled(ticks[-1], plot)
    return HEIGHT - BOTTOM - min(1.0, part) * (HEIGHT - BOTTOM - TOP)


def _scaled(value: float, plot: Plot) -> float:
    return math.log1p(value) if plot.unit == "minutes" else value


def shown(value: float, plot: Plot) -> str:
    """A value for people."""
    if plot.unit == "count":
        return f"{value:,.0f}"
    if 0 < value < 1:
        return "<1 min"
    for size, unit in ((10080, "wk"), (1440, "d"), (60, "h")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.0f} min" if value else "0"


def day_text(day: date) -> str:
    """A day for people, in English whatever the machine's language."""
    return f"{day.day} {MONTHS[day.month - 1]}"
