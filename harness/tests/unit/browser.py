# SPDX-License-Identifier: MIT
"""A headless Chromium for tests of pages: its screen, what it asked the network for, its errors."""

import json
import shutil
from contextlib import contextmanager

import pytest

# As root there is no sandbox; the rest keeps the browser itself from the network.
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
          "--disable-background-networking", "--disable-component-update", "--disable-sync",
          "--disable-dev-shm-usage", "--hide-scrollbars", "--disable-extensions")
DRIVER = "/usr/bin/chromedriver"


def require():
    """Skip the test where there is no browser."""
    pytest.importorskip("selenium")
    if not shutil.which("chromium") or not shutil.which(DRIVER):
        pytest.skip("needs chromium and chromium-driver (make deps)")


@contextmanager
def opened(profile):
    """A driver; profile: an empty directory of its own."""
    require()
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    options = webdriver.ChromeOptions()
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(service=Service(DRIVER), options=options)
    try:
        driver.set_page_load_timeout(60)
        yield driver
    finally:
        driver.quit()


def show(driver, address, width=1280, height=900, dark=False, script=True, medium=""):
    """Open an address on a screen of that size; the logs then begin with it."""
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": medium, "features": [
        {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not script})
    driver.get("about:blank")
    for log in ("performance", "browser"):
        driver.get_log(log)
    driver.get(address)


def until(driver, condition, seconds=30):
    """Wait for a condition of the page; while the next one comes, elements of the last are gone."""
    from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
    from selenium.webdriver.support.ui import WebDriverWait
    WebDriverWait(driver, seconds, 0.1, [
        NoSuchElementException, StaleElementReferenceException]).until(lambda _: condition())


def requests(driver):
    """Addresses that the page asked for, itself among them; data in addresses are none, nor are
    the browser's own pages."""
    messages = [json.loads(entry["message"])["message"]
                for entry in driver.get_log("performance")]
    found = [message["params"]["request"]["url"] for message in messages
             if message["method"] == "Network.requestWillBeSent"]
    return [url for url in found if not url.startswith(("data:", "chrome"))]


def complaints(driver):
    """What the browser's console has to say."""
    return [entry["message"] for entry in driver.get_log("browser")]
