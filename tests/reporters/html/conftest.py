"""One browser for all tests of a worker, and reports opened in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.reporters.html.browser import OpenReport, Page, start_browser, tidy


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """Chromium, without a window."""
    running = start_browser(tmp_path_factory.mktemp("browser"))
    yield running
    running.quit()


@pytest.fixture
def open_report(browser: Chrome) -> Iterator[OpenReport]:
    """``open_report(path, fragment, size=..., scheme=..., language=...)`` is the page. What it complains about fails the test."""
    pages: list[Page] = []

    def opened(path: Path, fragment: str = "", **keywords: object) -> Page:
        tidy(pages)
        page = Page(browser, path)
        pages.append(page)
        return page.open(fragment, **keywords)  # type: ignore[arg-type]

    yield opened
    tidy(pages)
