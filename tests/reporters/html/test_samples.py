"""The reports that are kept in the repository: small, of the present format, without a path of a machine, and they open."""

from __future__ import annotations

import re

import pytest

from harness.engine.report.model import FORMAT
from harness.reporters.html.samples import BYTES_MAX, SAMPLES
from tests.reporters.html.browser import PHONE, OpenReport
from tests.reporters.html.reading import card_numbers, data, whole

AGAIN = "; write the samples again: python -m harness.reporters.html.samples"


@pytest.mark.parametrize(("name", "status"), [("finding.html", "FAIL"), ("gate.html", "PASS")])
def test_a_sample_is_of_the_present_format_and_opens(name: str, status: str, open_report: OpenReport) -> None:
    path = SAMPLES / name
    overview = data(path)["data"]
    assert isinstance(overview, dict) and overview["format"] == FORMAT, f"{name} is of an older format{AGAIN}"
    assert path.stat().st_size <= BYTES_MAX
    text = whole(path)
    assert card_numbers(text, apart=False) == [] and not re.search(r"/(?:tmp|home|root|usr)/", text)
    page = open_report(path, size=PHONE)
    page.wait_for(".card")
    assert status in page.text(".verdict") and not re.findall(r"\[\w+\]", page.text())
    assert page.too_wide() == []
    if name == "finding.html":
        page.go("finding/0")
        page.wait_for(".events [aria-current]")
        page.press("n")
        assert "guilty" in page.text(".detail") and not re.findall(r"\[\w+\]", page.text())
