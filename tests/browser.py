"""A headless Chromium (or Chrome) for tests, where one is installed; Debian: chromium, chromium-driver."""

import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

WAIT_SECONDS = 60.0


class Browser:
    """`at` opens an address below `url`; the rest looks and acts."""

    def __init__(self, driver: Any, url: str = "") -> None:
        self.driver, self.url = driver, url

    def at(self, path: str) -> None:
        self.driver.get(f"{self.url}{path}")

    def size(self, width: int, height: int) -> None:
        """In CSS pixels; narrow ones as a phone."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def all(self, css: str) -> list[Any]:
        found: list[Any] = self.driver.find_elements(By.CSS_SELECTOR, css)
        return found

    def text(self, css: str = "body") -> str:
        """As a person sees it; empty while it is being swapped."""
        try:
            return " ".join(str(one.text) for one in self.all(css))
        except StaleElementReferenceException:
            return ""

    def until(self, condition: Callable[[], Any], what: str, seconds: float = WAIT_SECONDS) -> Any:
        """Waits for something to be true of the page."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                found = condition()
            except (StaleElementReferenceException, WebDriverException):
                found = None
            if found:
                return found
            assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s. The page says: {self.text()[:1500]}"
            time.sleep(0.05)

    def problems(self) -> list[str]:
        """What the browser complains about: blocked scripts and styles, failed requests, errors."""
        return [str(entry["message"]) for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for a module."""
    binary, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("no Chromium here: apt-get install chromium chromium-driver")
    options = Options()
    options.binary_location = binary
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=1440,900",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield Browser(started)
    finally:
        started.quit()
