"""The status page as a browser shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from tests.browser.sample import HOSTILE, sample_page


def console(browser: Chrome) -> list[object]:
    """What the console has said since it was asked last."""
    return list(browser.execute("getLog", {"type": "browser"})["value"])


def show(browser: Chrome, page: Path, *, width: int = 1280, scheme: str = "light") -> None:
    """Open the page on a screen so wide, by day or by night."""
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    console(browser)
    browser.get(page.as_uri())


def search(browser: Chrome, words: str) -> list[str]:
    """The rows that are left, by their text."""
    browser.find_element(By.ID, "search").send_keys(words)
    rows = browser.find_elements(By.CSS_SELECTOR, "#orders tr")
    return [row.text for row in rows if row.is_displayed()]


def brightness(browser: Chrome) -> int:
    """How bright the page's background is, of 765."""
    colour = browser.find_element(By.TAG_NAME, "body").value_of_css_property("background-color")
    red, green, blue = colour.split("(")[1].split(",")[:3]
    return int(red) + int(green) + int(blue)


def test_the_page_renders_without_a_word_in_the_console(browser: Chrome, page: Path) -> None:
    show(browser, page)
    assert console(browser) == []
    assert len(browser.find_elements(By.CSS_SELECTOR, "figure svg")) == 6
    bar = browser.find_element(By.CSS_SELECTOR, "svg rect.s0")
    assert bar.size["width"] > 3
    assert bar.value_of_css_property("fill") not in ("rgb(0, 0, 0)", "none")


def test_search_keeps_the_rows_that_hold_every_word(browser: Chrome, page: Path) -> None:
    show(browser, page)
    assert len(search(browser, "EU 20002")) == 1
    assert browser.find_element(By.ID, "found").text == "1 of 200 orders"


def test_search_that_finds_nothing_says_so(browser: Chrome, page: Path) -> None:
    show(browser, page)
    assert search(browser, "no such order") == []
    assert browser.find_element(By.ID, "nothing").is_displayed()


def test_hostile_orders_are_text(browser: Chrome, page: Path) -> None:
    show(browser, page)
    assert browser.execute_script("return window.owned") is None
    assert browser.find_elements(By.TAG_NAME, "img") == []
    text = browser.find_element(By.TAG_NAME, "body").text
    assert HOSTILE.replace("\u202e", "\\u202e") in text
    assert "\u202e" not in text


@pytest.mark.parametrize("width", [320, 375, 820, 1400])
@pytest.mark.parametrize("has_problems", [True, False])
def test_nothing_is_wider_than_the_screen(
    browser: Chrome, tmp_path: Path, width: int, has_problems: bool
) -> None:
    show(browser, sample_page(tmp_path, problems=has_problems), width=width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.execute_script("return window.innerWidth") == width


def test_the_page_is_light_by_day_and_dark_by_night(browser: Chrome, page: Path) -> None:
    show(browser, page, scheme="light")
    assert brightness(browser) > 600
    show(browser, page, scheme="dark")
    assert brightness(browser) < 150


def test_every_link_leads_to_the_shop_or_to_katana(browser: Chrome, page: Path) -> None:
    show(browser, page)
    for link in browser.find_elements(By.TAG_NAME, "a")[:40]:
        address = link.get_attribute("href") or ""
        places = ("https://shop.example.com/", "https://factory.katanamrp.com/salesorder/")
        assert address.startswith(places)
        assert link.get_attribute("rel") == "noopener noreferrer"


def test_an_old_page_says_so(browser: Chrome, tmp_path: Path) -> None:
    page = sample_page(tmp_path)
    text = page.read_text(encoding="utf-8")
    year = text.split('datetime="')[1][:4]
    page.write_text(text.replace(f'datetime="{year}', f'datetime="{int(year) - 1}'), "utf-8")
    show(browser, page)
    assert "365 days ago" in browser.find_element(By.ID, "age").text
