"""The status page as a browser shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

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
    browser.find_element(By.ID, "q").send_keys(words)
    return listed(browser)


def listed(browser: Chrome) -> list[str]:
    """The orders of the list that are shown, by their text."""
    rows = "[...document.querySelectorAll('#orders > li')]"
    shown = f"return {rows}.filter(row => row.checkVisibility()).map(row => row.innerText)"
    return list(browser.execute_script(shown))


def address(browser: Chrome) -> str:
    """What the page keeps in its address."""
    return str(browser.execute_script("return location.hash"))


def choose(browser: Chrome, field: str, value: str) -> None:
    """Choose in one of the filters."""
    Select(browser.find_element(By.ID, field)).select_by_value(value)


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
    assert browser.find_element(By.ID, "found").text == "1 of 254 orders"


def test_search_that_finds_nothing_says_so(browser: Chrome, page: Path) -> None:
    show(browser, page)
    assert search(browser, "no such order") == []
    assert browser.find_element(By.ID, "nothing").is_displayed()


def test_hostile_orders_are_text(browser: Chrome, page: Path) -> None:
    show(browser, page)
    assert browser.execute_script("return window.owned") is None
    assert browser.find_elements(By.TAG_NAME, "img") == []
    text = str(browser.execute_script("return document.body.innerText"))
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
    for link in browser.find_elements(By.CSS_SELECTOR, "a:not(.skip)")[:40]:
        address = link.get_attribute("href") or ""
        places = ("https://shop.example.com/", "https://factory.katanamrp.com/salesorder/")
        assert address.startswith(places)
        assert link.get_attribute("rel") == "noopener noreferrer"


def test_filters_narrow_the_list_and_stand_in_the_address(browser: Chrome, page: Path) -> None:
    show(browser, page)
    choose(browser, "store", "eu")
    choose(browser, "state", "attention")
    choose(browser, "reason", "unknown_sku")
    assert address(browser) == "#store=eu&state=attention&reason=unknown_sku"
    assert browser.find_element(By.ID, "found").text == "2 of 254 orders"
    assert len(listed(browser)) == 2


@pytest.mark.parametrize("begin", ["#", "?"])
def test_an_address_opens_the_list_as_it_was_filtered(
    browser: Chrome, page: Path, begin: str
) -> None:
    show(browser, page)
    browser.get(f"{page.as_uri()}{begin}store=eu&reason=unknown_sku&q=mug-red")
    assert browser.find_element(By.ID, "found").text == "1 of 254 orders"
    assert Select(browser.find_element(By.ID, "store")).first_selected_option.text == "eu (177)"
    assert "20000" in listed(browser)[0]


@pytest.mark.parametrize(
    "said", ["store=none", "%", "state=%3Cscript%3E", "order=q", "eu-0", "q=", "=&=", "found"]
)
def test_an_address_that_means_nothing_shows_all(browser: Chrome, page: Path, said: str) -> None:
    show(browser, page)
    browser.get(f"{page.as_uri()}?{said}#{said}")
    assert browser.find_element(By.ID, "found").text == "254 orders"
    assert console(browser) == []


def test_the_address_of_an_order_opens_its_story(browser: Chrome, page: Path) -> None:
    show(browser, page)
    browser.get(f"{page.as_uri()}#state=imported&order=eu-90002")
    order = browser.find_element(By.ID, "eu-90002")
    assert "Next: is tried again at " in order.text
    assert "attention (batch_shortage)" in order.text
    assert order.is_displayed()
    assert 0 <= order.rect["y"] - browser.execute_script("return scrollY") <= 800


def test_opening_a_story_puts_the_order_into_the_address(browser: Chrome, page: Path) -> None:
    show(browser, page)
    choose(browser, "state", "attention")
    summary = browser.find_element(By.CSS_SELECTOR, "#eu-90002 summary")
    for kept in ("#state=attention&order=eu-90002", "#state=attention"):
        summary.click()  # a browser tells the page of it a moment later
        WebDriverWait(browser, 5).until(lambda _, kept=kept: address(browser) == kept)  # type: ignore[misc]


def test_a_group_of_problems_leads_to_its_orders_in_the_list(browser: Chrome, page: Path) -> None:
    show(browser, page)
    browser.find_element(By.CSS_SELECTOR, "[data-filter='reason=unknown_sku']").click()
    assert len(listed(browser)) == 2
    assert address(browser) == "#reason=unknown_sku"


def test_without_script_all_orders_are_there_and_nothing_that_needs_it(
    browser: Chrome, page: Path
) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        show(browser, page)
        assert len(browser.find_elements(By.CSS_SELECTOR, "#orders > li")) == 254
        assert not browser.find_element(By.ID, "filters").is_displayed()
        assert [b for b in browser.find_elements(By.TAG_NAME, "button") if b.is_displayed()] == []
        order = browser.find_element(By.ID, "eu-90000")
        order.find_element(By.TAG_NAME, "summary").click()
        assert "this program: attention (unknown_sku)" in order.text
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_the_keyboard_reaches_the_list_first_and_opens_a_story(browser: Chrome, page: Path) -> None:
    show(browser, page)
    press(browser, Keys.TAB)
    assert focused(browser).text == "To the list of orders"
    press(browser, Keys.ENTER)
    assert focused(browser).get_attribute("id") == "orders"
    press(browser, Keys.TAB)
    assert focused(browser).text == "20000"
    assert focused(browser).value_of_css_property("outline-style") == "solid"
    press(browser, Keys.TAB)
    press(browser, Keys.ENTER)
    assert "Next: " in browser.find_element(By.ID, "eu-90000").text


def test_the_way_to_the_list_leaves_it_filtered(browser: Chrome, page: Path) -> None:
    show(browser, page)
    choose(browser, "state", "attention")
    browser.execute_script("document.querySelector('.skip').click()")
    WebDriverWait(browser, 5).until(lambda _: address(browser) == "#state=attention")
    assert len(listed(browser)) == 4
    assert focused(browser).get_attribute("id") == "orders"


def press(browser: Chrome, key: str) -> None:
    """Press a key wherever the focus is."""
    ActionChains(browser).send_keys(key).perform()


def focused(browser: Chrome) -> WebElement:
    """What has the focus."""
    return browser.switch_to.active_element


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing(browser: Chrome, page: Path, axe: str, width: int, scheme: str) -> None:
    show(browser, page, width=width, scheme=scheme)
    for summary in browser.find_elements(By.TAG_NAME, "summary")[:8]:
        summary.click()
    browser.execute_script(axe)
    found = browser.execute_async_script("axe.run().then(arguments[0])")
    assert "color-contrast" in {rule["id"] for rule in found["passes"]}
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found["violations"]] == []


def test_an_old_page_says_so(browser: Chrome, tmp_path: Path) -> None:
    page = sample_page(tmp_path)
    text = page.read_text(encoding="utf-8")
    year = text.split('datetime="')[1][:4]
    page.write_text(text.replace(f'datetime="{year}', f'datetime="{int(year) - 1}'), "utf-8")
    show(browser, page)
    assert "365 days ago" in browser.find_element(By.ID, "age").text
