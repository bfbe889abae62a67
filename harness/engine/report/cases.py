"""The findings of a report, each as a case that can be told in full: how its run is done again, and what stands beside it.

Models: the line that replays a row of a sweep or gate, the decisions that a run's directory keeps, what a bundle holds; a
smallest scenario that a gate made, or the command that makes one. Does not model: which findings have pages (``pages``).
"""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec

from harness.core.errors import HarnessError
from harness.engine.replay.replay import prepare
from harness.engine.report.finding import Case, Telling, bare, tell_all
from harness.engine.report.model import FindingPage, Report, Said
from harness.engine.report.pages import portable
from harness.engine.report.single import VERDICT
from harness.terminals.catalogue import CATALOGUE

_AGAIN_IN = "reports/again"
"""Where the command that makes a finding small has its run leave the bundle that it makes small."""


def told_in_full(source: Path, report: Report, how: Telling | None) -> Report:
    """The report with the story on each page, as far as ``how`` goes; None: nothing is run, and the pages say so."""
    if not report.findings:
        return report
    with tempfile.TemporaryDirectory(prefix="harness-") as scratch:
        cases = list(_cases(source, report, Path(scratch), how))
        if how is None:
            pages = tuple(msgspec.structs.replace(bare(each), why_empty="not_asked") for each in cases)
        else:
            pages = tell_all(cases, how)
    said = list(report.left_out)
    if any(each.why_empty == "software" for each in pages):
        said.append(Said("software"))
    return msgspec.structs.replace(report, findings=pages, left_out=tuple(said))


def _cases(source: Path, report: Report, scratch: Path, how: Telling | None) -> Iterator[Case]:
    bundled = Case(FindingPage("", 0, "", ""))
    if report.kind == "bundle" and how is not None:
        bundled = _of_bundle(source, scratch, how)
    for page in report.findings:
        shrunk = _shrunk(source, page.signature)
        if report.kind == "bundle":
            again = f"harness replay {shlex.quote(portable(str(source.absolute())))}"
            page = msgspec.structs.replace(page, again=f"{again}{_naming(page.terminal)}")
        if shrunk is None and not page.shrunk_again:
            page = msgspec.structs.replace(page, shrunk_again=_shrinking(source, report, page))
        case = replace(bundled, page=page, shrunk=shrunk)
        if report.kind == "run":
            case = replace(case, directory=source.parent if source.name == VERDICT else source)
        yield case


def _of_bundle(source: Path, scratch: Path, how: Telling) -> Case:
    try:
        prepared = prepare(source, scratch, how.terminal, how.trust)
    except HarnessError:
        return Case(FindingPage("", 0, "", ""), why_none="software")
    return Case(FindingPage("", 0, "", ""), request=prepared.request)


def _shrunk(source: Path, signature: str) -> Path | None:
    """What a gate made. A path that a file names is not followed: results may come from elsewhere."""
    made = (source if source.is_dir() else source.parent) / "shrunk" / f"{signature}.yaml"
    return made if re.fullmatch(r"[0-9a-f]{8}", signature) and made.is_file() else None


def _shrinking(source: Path, report: Report, page: FindingPage) -> str:
    """The command that makes it small: of the bundle that is there, or of the one that its run leaves when done again."""
    after = f" --after {shlex.quote(page.fault)}" if page.fault else ""
    which = f" --signature {page.signature}{after}{_naming(page.terminal)}"
    if report.kind == "bundle":
        return f"harness shrink {shlex.quote(portable(str(source.absolute())))}{which}"
    beside = source / "finding.zip"
    if report.kind == "run" and beside.is_file():
        return f"harness shrink {shlex.quote(portable(str(beside.absolute())))}{which}"
    if not page.again.startswith("harness run "):
        return ""
    return f"{page.again} --out {_AGAIN_IN}; harness shrink {_AGAIN_IN}/finding.zip{which}"


def _naming(terminal: str) -> str:
    """A bundle does not decide what code runs."""
    return "" if terminal in CATALOGUE else f" --terminal {shlex.quote(terminal)}"
