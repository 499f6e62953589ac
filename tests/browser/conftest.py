"""A headless Chromium, where there is one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver

from tests.browser.sample import sample_page

AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core"


@pytest.fixture(scope="session")
def browser() -> Iterator[webdriver.Chrome]:
    """The system's Chromium; the tests are skipped where it or its driver is missing."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("there is no Chromium (apt install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    # root, as in containers, has no sandbox
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield opened
    opened.quit()


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with everything that it must bear."""
    return sample_page(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core, which looks for what keeps people from using a page."""
    script = AXE / "axe.min.js"
    if not script.exists():
        pytest.skip(
            "there is no axe-core (npm install --no-save axe-core, in the project's folder)"
        )
    return script.read_text(encoding="utf-8")
