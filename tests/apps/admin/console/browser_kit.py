"""Chromium, and a person at it. Without a browser, a driver or selenium, the tests are skipped."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

AXE: Final = Path(sys.prefix) / "node_modules" / "axe-core" / "axe.min.js"
"""Where `npm install --prefix .venv axe-core` puts it: it finds what keeps people out."""
PICTURES: Final = os.environ.get("SOCKCRUD_TEST_PICTURES", "")
"""A folder that gets a picture of each page, where one is named."""

SECONDS: Final = 30.0
"""How long something may take to show; it takes some milliseconds where the machine is not busy."""

_FLAGS: Final = (
    "--headless=new",
    "--no-sandbox",  # which root has none of
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
)


def find_browser() -> tuple[str, str]:
    """Return where the browser and its driver are; skip the test where they are not."""
    pytest.importorskip("selenium", reason="the console's tests in a browser need selenium")
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("the console's tests in a browser need chromium and chromium-driver")
    return browser, driver


@contextmanager
def a_browser(folder: Path) -> Iterator[Any]:
    """Run a browser that keeps its files in a folder."""
    browser, driver = find_browser()
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (*_FLAGS, f"--user-data-dir={folder}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(driver, env={**os.environ, "TMPDIR": str(folder)})
    running = webdriver.Chrome(options=options, service=service)
    try:
        yield running
    finally:
        running.quit()


class Person:
    """Somebody who looks at the console, and does what can be done with keys and a pointer."""

    def __init__(self, driver: Any, url: str) -> None:
        self.driver = driver
        self.url = url
        self.width = 0

    def sits_at(self, width: int, dark: bool = False) -> None:
        """Have a screen so many pixels wide."""
        self.width = width
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def opens(self, page: str = "") -> None:
        """Go to a page, and see its heading."""
        name = page.partition("/")[0].partition("?")[0]
        if page:
            go = """if (location.hash === arguments[0]) dispatchEvent(new Event('hashchange'));
                else location.hash = arguments[0];"""
            self.driver.execute_script(go, f"#/{page}")
            self.sees_element(f"nav a[href='#/{name}'][aria-current=page]")
            self.sees_element("main h1 + div > *")
        else:
            self.driver.get(self.url)
            self.sees_element("main h1")

    def logs_in(self, login: str, password: str) -> None:
        self.types("Login name", login)
        self.types("Password", password)
        self.presses("Log in")

    def waits(self, until: Any, what: str) -> Any:
        """Return what `until` gives as soon as that is something."""
        from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
        from selenium.webdriver.support.ui import WebDriverWait

        ignored = (StaleElementReferenceException,)
        try:
            return WebDriverWait(self.driver, SECONDS, 0.1, ignored).until(lambda _: until())
        except TimeoutException:
            raise AssertionError(f"{what}: {self.text()}") from None

    def sees(self, text: str) -> None:
        """Wait until the page says this."""
        self.waits(lambda: text in self.text(), f"{text!r} is not to be seen")

    def sees_element(self, css: str) -> Any:
        """Wait for an element, and return it."""
        found = self.waits(lambda: self.find(css), f"there is no {css}")
        return found[0]

    # One script for a question: each word with the driver takes milliseconds.

    def find(self, css: str) -> list[Any]:
        """Return the elements that are to be seen."""
        script = """return [...document.querySelectorAll(arguments[0])]
            .filter((element) => element.checkVisibility())"""
        found: list[Any] = self.driver.execute_script(script, css)
        return found

    def text(self) -> str:
        text: str = self.driver.execute_script("return document.body.innerText")
        return text

    def presses(self, text: str, within: str = "body") -> None:
        """Press a button, or follow a link, that says this: of a dialog that is open, its own."""
        script = """
            const scope = document.querySelector('dialog[open]')
                ?? document.querySelector(arguments[1]);
            const says = (element) => element.innerText.trim().replace(/\\s+/g, ' ');
            return [...(scope?.querySelectorAll('button, a, summary') ?? [])]
                .filter((element) => element.checkVisibility() && !element.disabled)
                .find((element) => says(element) === arguments[0]);"""
        self.press(
            self.waits(
                lambda: self.driver.execute_script(script, text, within), f"no button {text!r}"
            )
        )

    def press(self, button: Any) -> None:
        button.click()

    def presses_in_row(self, text: str) -> None:
        """Press what opens the first row of a table in which this is to be seen."""
        script = """return [...document.querySelectorAll('tbody tr')]
            .find((row) => row.innerText.includes(arguments[0]))?.querySelector('th button')"""
        what = f"there is no row of {text!r}"
        self.press(self.waits(lambda: self.driver.execute_script(script, text), what))

    def control(self, label: str) -> Any:
        """Return the field of a form that has this label."""
        script = """
            const scope = document.querySelector('dialog[open]') ?? document.body;
            for (const label of scope.querySelectorAll('label'))
              if (label.textContent === arguments[0]) return document.getElementById(label.htmlFor);
            return scope.querySelector(`[aria-label="${arguments[0]}"]`);"""
        return self.waits(lambda: self.driver.execute_script(script, label), f"no field {label!r}")

    def types(self, label: str, text: str) -> None:
        """Fill a field of a form."""
        field = self.control(label)
        if field.tag_name == "select":
            from selenium.webdriver.support.ui import Select

            Select(field).select_by_visible_text(text)
            return
        field.clear()
        field.send_keys(text)

    def keys(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        from selenium.webdriver import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def keeps_picture(self, name: str) -> None:
        """Keep a picture of the page, where such are wanted."""
        if PICTURES:
            self.driver.save_screenshot(str(Path(PICTURES) / f"{name}.png"))

    # What is to be wrong nowhere

    def finds_nothing_wrong(self, where: str) -> None:
        """Fail where the page is wider than the screen, or axe finds a serious fault."""
        wide = "return document.documentElement.scrollWidth - innerWidth"
        assert self.driver.execute_script(wide) <= 0, f"{where} is wider than the screen"
        if not AXE.is_file():
            return
        if not self.driver.execute_script("return 'axe' in window"):
            self.driver.execute_script(AXE.read_text(encoding="utf-8"))
        faults = self.driver.execute_async_script(
            """const done = arguments[0];
            axe.run(document, {resultTypes: ['violations']}).then(({violations}) => done(violations
              .filter(({impact}) => ['serious', 'critical'].includes(impact))
              .map(({id, nodes}) => [id, nodes.map(({html}) => html.slice(0, 200))])));"""
        )
        assert faults == [], (where, faults)

    def has_heard_of_no_error(self) -> None:
        """Fail where the browser's console has an error, or something was asked of anybody else."""
        said = [entry["message"] for entry in self.driver.get_log("browser")]
        # The browser itself tells of each answer that is an error: these were asked for.
        errors = [line for line in said if "Failed to load resource" not in line]
        assert errors == [], errors
        events = [json.loads(entry["message"]) for entry in self.driver.get_log("performance")]
        asked = {
            event["message"]["params"]["request"]["url"]
            for event in events
            if event["message"]["method"] == "Network.requestWillBeSent"
        }
        own = (self.url, "data:", "blob:", "chrome:", "about:")
        assert asked, "nothing was asked for"
        assert not [url for url in asked if not url.startswith(own)]
