"""Reports in a real browser: Debian's Chromium and its driver, one browser for all tests of a worker, nothing from the network.

Every page's console is listened to, and every request it makes: whatever is said there, and whatever is asked for but the file
itself, is a complaint, and a test that leaves complaints fails. Names are not resolved at all, so that a page that reaches out
reaches nothing. Selenium is told where browser and driver are, so that it looks for none and loads none down.

``HARNESS_SCREENSHOTS=1`` keeps what ``Page.picture`` sees in ``reports/screenshots``; otherwise it keeps nothing.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

PICTURES = Path(__file__).parents[3] / "reports" / "screenshots"
WIDE = (1280, 900)
PHONE = (360, 740)
LAPTOP = (1366, 768)
WAIT_S = 20
_OWN = ("data:", "blob:", "about:", "chrome:", "chrome-untrusted:")
"""The last two are the browser's own first page; a report that asks for it is refused, and that is heard."""

OpenReport = Callable[..., "Page"]


def need_browser() -> tuple[str, str]:
    """Chromium and its driver. Where they are missing the test is skipped, but in CI, where a skip is a failure."""
    found = shutil.which("chromium"), shutil.which("chromedriver")
    if found[0] is None or found[1] is None:
        why = "Chromium and its driver are not installed: apt-get install chromium chromium-driver"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    return found[0], found[1]


def start_browser(directory: Path) -> webdriver.Chrome:
    """A browser that keeps what it keeps in ``directory``."""
    chromium, driver = need_browser()
    options = Options()
    options.binary_location = chromium
    for argument in (
        "--headless=new", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-default-browser-check",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
        "--disable-extensions", "--disable-dev-shm-usage", "--metrics-recording-only", "--mute-audio",
        "--host-resolver-rules=MAP * ~NOTFOUND", "--force-color-profile=srgb", "--lang=en-GB",
        f"--user-data-dir={directory / 'profile'}",
    ):  # fmt: skip
        options.add_argument(argument)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    environ = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(directory),
        "LANG": "C.UTF-8",
        "SE_OFFLINE": "true",
        "SE_AVOID_STATS": "true",
    }
    service = Service(executable_path=driver, env=environ, log_output=str(directory / "driver.log"))
    browser = webdriver.Chrome(options=options, service=service)
    browser.set_page_load_timeout(60)
    browser.set_script_timeout(60)
    return browser


class Page:
    """A file in the browser. Settings of one page (width, colours) are undone when the next is opened."""

    def __init__(self, browser: webdriver.Chrome, path: Path) -> None:
        self.browser = browser
        self.path = path.resolve()
        self._complaints: list[str] = []

    # ------------------------------------------------------------ coming and going

    def open(
        self, fragment: str = "", *, size: tuple[int, int] = WIDE, scheme: str = "light", language: str = "en-GB"
    ) -> Page:
        """Load the file afresh at ``fragment`` (without #), and wait until it says that it is ready, where it does."""
        width, height = size
        self.leave()
        self._command("Storage.clearDataForOrigin", origin="file://", storageTypes="all")
        self._command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        self._command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        agent = self.run("return navigator.userAgent")
        self._command("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=language)
        self.browser.get(self.path.as_uri() + (f"#{fragment}" if fragment else ""))
        return self

    def leave(self) -> None:
        """Go away from it: what it was still about to say is said now or never."""
        self.browser.get("about:blank")

    def resize(self, size: tuple[int, int]) -> None:
        """As a window that is drawn smaller or larger."""
        width, height = size
        self._command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    def go(self, fragment: str) -> None:
        """As a link to another view does."""
        self.run("location.hash = arguments[0]", fragment)

    @property
    def fragment(self) -> str:
        """Where the page is, without #."""
        return str(self.run("return location.hash")).removeprefix("#")

    # ------------------------------------------------------------ looking

    def run(self, script: str, *arguments: object) -> Any:
        """What a script returns."""
        return self.browser.execute_script(script, *arguments)

    def wait(self, condition: Callable[[], object], why: str = "") -> Any:
        """Until ``condition`` holds; what it gave."""
        return WebDriverWait(self.browser, WAIT_S, poll_frequency=0.02).until(lambda _: condition(), why)

    def wait_for(self, selector: str) -> WebElement:
        """The first visible element that the selector finds."""

        def seen() -> WebElement | None:
            return next((each for each in self.all(selector) if each.is_displayed()), None)

        found: WebElement = self.wait(seen, f"nothing to be seen of {selector}")
        return found

    def all(self, selector: str) -> list[WebElement]:
        """Every element that the selector finds."""
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str = "body") -> str:
        """What can be read there."""
        return str(self.run("return document.querySelector(arguments[0]).innerText", selector))

    def source(self) -> str:
        """The document as it stands now."""
        return str(self.run("return document.documentElement.outerHTML"))

    def too_wide(self) -> list[str]:
        """What makes the page wider than the window, outside boxes that scroll by themselves; empty when nothing does."""
        return list(self.run(_TOO_WIDE))

    def squeezed(self) -> list[str]:
        """Cells of tables so narrow that their text stands on its head, a letter or two a line; empty when there are none."""
        return list(self.run(_SQUEEZED))

    def press(self, *keys: str) -> None:
        """Keys, one after the other, to whatever has the focus."""
        ActionChains(self.browser, duration=0).send_keys(*keys).perform()

    def picture(self, name: str) -> None:
        """Keep what is seen, all of the page, when asked for by the environment."""
        if os.environ.get("HARNESS_SCREENSHOTS"):
            import base64

            PICTURES.mkdir(parents=True, exist_ok=True)
            shot = self._command("Page.captureScreenshot", captureBeyondViewport=True, format="png")
            (PICTURES / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))

    # ------------------------------------------------------------ complaints

    def complaints(self) -> list[str]:
        """What the console said and what was asked for but the file itself, since the last time this was asked."""
        self._drain()
        found, self._complaints = self._complaints, []
        return found

    def _drain(self) -> None:
        for entry in self.browser.get_log("browser"):
            self._complaints.append(f"console {entry['level']}: {entry['message']}")
        own = self.path.as_uri()
        for entry in self.browser.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = message["params"]["request"]["url"]
                if url.partition("#")[0] != own and not url.startswith(_OWN):
                    self._complaints.append(f"request: {url}")

    def _command(self, name: str, **parameters: object) -> Any:
        return self.browser.execute_cdp_cmd(name, parameters)


def tidy(pages: Sequence[Page]) -> None:
    """Fail for what any page complained about."""
    if pages:
        pages[-1].leave()
    complaints = [f"{page.path.name}: {each}" for page in pages for each in page.complaints()]
    assert not complaints, "\n".join(complaints)


_TOO_WIDE = """
const room = document.documentElement.clientWidth, found = [];
if (document.documentElement.scrollWidth <= room && document.body.scrollWidth <= room) return found;
for (const each of document.body.querySelectorAll("*")) {
  let box = each.parentElement;
  while (box && !["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(box).overflowX)) box = box.parentElement;
  if (!box && each.getBoundingClientRect().right > room + 0.5)
    found.push(each.tagName + "." + each.className + " " + Math.round(each.getBoundingClientRect().right));
}
return found.length ? found.slice(0, 10) : ["the page is " + document.documentElement.scrollWidth + " wide"];
"""

_SQUEEZED = """
return [...document.querySelectorAll("td, th")].filter((each) => {
  const box = each.getBoundingClientRect(), way = getComputedStyle(each.firstElementChild || each).writingMode;
  return each.innerText.trim().length > 6 && box.width < 60 && box.height > 120 && way === "horizontal-tb";
}).map((each) => each.innerText.replace(/\\n/g, "").slice(0, 40)).slice(0, 10);
"""
