"""A report as one HTML file: opens from disk, offline, and runs no script but its own.

Models: one template; styles and scripts put together from ``assets``; the data as gzip in base64, findings apart from the
overview, so that a page of a hundred findings opens at once; a Content-Security-Policy that allows the page's own script and
style by their hashes and nothing else. What would make the page too large is left out, and the page says so. The file is there
whole or not at all, and the same report gives the same bytes.
Does not model: what is seen; that is the scripts'.
Source: CSP Level 3, section 2.3.1 (hashes); HTML Living Standard (what ends a script element).
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path

import msgspec

from harness.core.errors import HarnessError
from harness.engine.report.model import FindingPage, Report, Said
from harness.reporters.html.fit import Plain, fitting, plain

STYLES = ("vendor/uPlot.min.css", "assets/base.css", "assets/plots.css", "assets/finding.css")
SCRIPTS = (
    "assets/texts.js", "assets/names.js", "assets/sentences.js", "assets/dom.js", "vendor/uPlot.iife.min.js", "assets/plots.js",
    "assets/overview.js", "assets/finding_texts.js", "assets/lanes.js", "assets/operations.js", "assets/disk.js",
    "assets/finding.js", "assets/app.js",
)  # fmt: skip
"""In this order, together one script: what is declared in one is known in all that follow."""
OVERVIEW_BYTES_MAX = 1_700_000
"""Of the overview as it stands in the file; with the scripts it stays below 2 MB."""
FINDING_BYTES_MAX = 400_000
FINDINGS_BYTES_MAX = 12_000_000
"""Of one finding's trace, and of all of them."""
_LESS = 0.5


def write_report(report: Report, path: Path) -> int:
    """Write the page to ``path``; how many bytes it has. HarnessError when it cannot be written: then what was there stays."""
    data = render(report).encode("utf-8")
    beside = path.with_name(f".{path.name[:80]}.new")
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)  # /dev/stdout, or a pipe
            return len(data)
        try:
            beside.write_bytes(data)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise HarnessError(f"cannot write {path}: {error.strerror}") from None
    return len(data)


def render(report: Report) -> str:
    """The page."""
    from jinja2 import Environment
    from markupsafe import Markup

    script, style = assets()
    held = [*_held(report)]
    template = Environment(autoescape=True, keep_trailing_newline=True).from_string(_asset("page.html.j2"))
    # Markup: what was read from files of ours. Whatever a report says is in the data, or is escaped.
    return template.render(
        policy=_policy(script, style),
        title=f"{report.verdict.status.upper()} · {fitting(report.title, 120)} · terminal-fault-harness",
        style=Markup(style),
        script=Markup(script),
        held=held,
    )


@cache
def assets() -> tuple[str, str]:
    """The script and the style, each put together."""
    # Whoever has the page has a copy of what others wrote, and of the terms that they gave it under.
    terms = _asset("vendor/uPlot.LICENSE").replace("*/", "")
    script = f"/*\n{terms}\n*/\n" + "\n".join(_asset(name) for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{script}\n}})();\n', "\n".join(_asset(name) for name in STYLES)


def _asset(name: str) -> str:
    return resources.files("harness.reporters.html").joinpath(*name.split("/")).read_text("utf-8")


def _policy(script: str, style: str) -> str:
    def allowed(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; script-src {allowed(script)}; style-src {allowed(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


# ---------------------------------------------------------------- data


def _held(report: Report) -> Iterator[tuple[str, str]]:
    """What the page carries, by the name of its place in it."""
    findings: list[str] = []
    left_out = list(report.left_out)
    room = FINDINGS_BYTES_MAX
    for page in report.findings:
        data = _packed(plain(page))
        if len(data) > min(FINDING_BYTES_MAX, room):
            left_out.append(Said("left_too_large", what=f"{page.signature} {page.name}"))
            data = _packed(plain(_bare(page)))
        room -= len(data)
        findings.append(data)
    brief: list[dict[str, str | int]] = [
        {"signature": each.signature, "invariant": each.invariant, "name": each.name, "device": each.device}
        for each in report.findings
    ]
    overview = msgspec.structs.replace(report, findings=(), left_out=tuple(left_out))
    yield "data", _overview(overview, brief)
    for number, data in enumerate(findings):
        yield f"finding-{number}", data


def _overview(report: Report, pages: list[dict[str, str | int]]) -> str:
    """The overview, with less in it until it is small enough."""
    while True:
        built = plain(report)
        assert isinstance(built, dict)
        built["pages"] = plain_list(pages)
        data = _packed(built)
        if len(data) <= OVERVIEW_BYTES_MAX or not (report.measures.series or report.signatures or report.unchecked):
            return data
        report = _with_less(report)


def plain_list(pages: list[dict[str, str | int]]) -> Plain:
    """What the head of the page says of each finding."""
    return [{key: fitting(value) if isinstance(value, str) else value for key, value in each.items()} for each in pages]


def _with_less(report: Report) -> Report:
    """Without plots; then with half the signatures, runs and whatever else there is many of."""
    replace = msgspec.structs.replace
    series = report.measures.series
    if series:
        said = Said("left_series", count=len(series))
        return replace(report, measures=replace(report.measures, series=()), left_out=(*report.left_out, said))
    kept, rows = int(len(report.signatures) * _LESS), report.runs.rows if report.runs else ()
    before = {each.code: each.count for each in report.left_out}
    left = [
        Said(code, count=before.get(code, 0) + gone)
        for code, gone in (
            ("left_signatures", len(report.signatures) - kept),
            ("left_rows", len(rows) - int(len(rows) * _LESS)),
            ("left_unchecked", len(report.unchecked) - int(len(report.unchecked) * _LESS)),
        )
        if before.get(code, 0) + gone
    ]
    runs = report.runs and replace(
        report.runs, rows=rows[: int(len(rows) * _LESS)], reasons=report.runs.reasons[: len(report.runs.reasons) // 2]
    )
    others = tuple(
        each for each in report.left_out if each.code not in ("left_signatures", "left_rows", "left_unchecked")
    )
    return replace(
        report, signatures=report.signatures[:kept], runs=runs, unchecked=report.unchecked[: int(len(report.unchecked) * _LESS)],
        left_out=(*others, *left),
    )  # fmt: skip


def _bare(page: FindingPage) -> FindingPage:
    return msgspec.structs.replace(
        page, steps=(), bands=(), messages=(), disks=(), series=(), difference=None, why_empty="too_large"
    )


def _packed(value: Plain) -> str:
    # No time in the head: the same report gives the same bytes.
    return base64.b64encode(gzip.compress(msgspec.json.encode(value), 9, mtime=0)).decode("ascii")
