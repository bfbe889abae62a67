"""From what a command left on disk to its report: which kind of thing it is, and who reads it.

Models: the results of a sweep (its file or directory, merged ones too), what gate, run and crash points left, a bundle.
Does not model: anything else; the error names what was expected, and of what the harness itself left what can be done with it.
"""

from __future__ import annotations

from pathlib import Path

from harness.core.errors import UsageError
from harness.engine.report.cases import told_in_full
from harness.engine.report.crashes import CRASHES, of_crashpoints
from harness.engine.report.finding import Telling
from harness.engine.report.gates import GATE, of_gate
from harness.engine.report.model import Report
from harness.engine.report.pages import with_pages
from harness.engine.report.single import VERDICT, of_bundle, of_directory
from harness.engine.report.sweeps import of_sweep
from harness.engine.sweep.summary import CutOff
from harness.results.bundle import is_bundle
from harness.results.store import FILE_NAME

_EXPECTED = (
    f"expected the directory of a sweep ({FILE_NAME}), of a gate ({GATE}), of a run ({VERDICT}) or of crash points ({CRASHES}), "
    "a results file, or a finding's bundle (.zip)"
)
_OTHERS = {
    "books.json": (
        "it is of `harness host`, which serves and does not judge: history.jsonl there has every event, one JSON object a line, "
        "and books.json what the host holds of each terminal (`harness docs host`)"
    ),
    "failing_calls.json": (
        "it is of `harness crashpoints --fail`: failing_calls.txt there has every finding with its story and the line that "
        "replays it (`harness docs crashpoints`)"
    ),
    "history.jsonl": (
        "it is of `harness host` that still runs or was ended at once, or of a run that was: history.jsonl there has every event "
        "so far, one JSON object a line (`harness docs reference/events`)"
    ),
}
"""Files of commands whose directories no page is made of, and what can be done with those."""


def gather(source: Path, how: Telling | None = None, *, cut_off: tuple[CutOff, ...] = ()) -> Report:
    """The report of ``source``. UsageError, naming what is wrong and what would do, for anything that cannot be shown.

    ``how``: which findings are told in full, and for how long; None: what the results say of them. ``cut_off``: runs of the sweep
    that were ended under way, which it knows and its file does not.
    """
    overview = _overview(source, cut_off)
    return told_in_full(source, overview if overview.findings else with_pages(overview), how)


def _overview(source: Path, cut_off: tuple[CutOff, ...]) -> Report:
    if not source.exists():
        raise UsageError(f"there is no {source}; {_EXPECTED}")
    if is_bundle(source):
        return of_bundle(source)
    if source.is_file():
        if source.name in (GATE, VERDICT, CRASHES, *_OTHERS):
            return _overview(source.parent, cut_off)
        return of_sweep(source, cut_off=cut_off)
    if (source / GATE).is_file():
        return of_gate(source)
    if (source / FILE_NAME).is_file():
        return of_sweep(source, cut_off=cut_off)
    if (source / VERDICT).is_file():
        return of_directory(source)
    if (source / CRASHES).is_file():
        return of_crashpoints(source)
    for name, what in _OTHERS.items():
        if (source / name).is_file():
            raise UsageError(f"{source} holds no verdict to report: {what}; {_EXPECTED}")
    raise UsageError(f"{source} holds nothing to report: {_EXPECTED}{_below(source)}")


def _below(source: Path) -> str:
    """What is one floor down: `harness run` with several scenarios gives each a directory of its own."""
    for pattern in (f"*/*/{VERDICT}", f"*/{VERDICT}", f"*/{FILE_NAME}"):
        found = next(iter(sorted(source.glob(pattern))), None)
        if found is not None:
            return f"; try {found.parent}"
    return ""
