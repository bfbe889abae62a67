"""Reading a scenario: a file or a text in, a ``Plan`` out, or every problem of the file at once."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from harness.core.documents.source import FILE_BYTES_MAX, read_document
from harness.core.errors import UsageError
from harness.scenario import find
from harness.scenario.assemble import assemble
from harness.scenario.check import check
from harness.scenario.plan import Plan
from harness.scenario.problems import Problem, ScenarioErrors

_KEPT_CHARACTERS = 1 << 16


def load_scenario(name_or_path: str) -> Plan:
    """The scenario of that name, or in that file. Raises UsageError (no such scenario) or ScenarioErrors."""
    return load_file(find.scenario_file(name_or_path))


def load_file(path: Path) -> Plan:
    """The scenario in ``path``: YAML, or JSON when the name ends so."""
    return load_text(read_text(path), str(path), json=path.suffix == ".json")


def read_text(path: Path) -> str:
    """The text of a file of bounded size. Raises UsageError (there is none) or ScenarioErrors (it is no text)."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise ScenarioErrors(str(path), [Problem(1, 1, f"the file is larger than {FILE_BYTES_MAX >> 20} MiB")])
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - (content.rfind(b"\n", 0, error.start) + 1) + 1
        raise ScenarioErrors(str(path), [Problem(line, column, "expected UTF-8 text")]) from error


def load_text(text: str, file: str = "<text>", json: bool = False) -> Plan:
    """The scenario that ``text`` describes; ``file`` is its name in messages."""
    if len(text) > _KEPT_CHARACTERS:
        return _loaded(text, file, json)
    return _kept(text, file, json)


def _loaded(text: str, file: str, json: bool) -> Plan:
    document = read_document(text.replace("\r\n", "\n"), json)
    if "matrices" in document.values and "faults" not in document.values:
        document.complain(("matrices",), "this is a campaign, no scenario; use harness sweep on it", at_key=True)
        raise ScenarioErrors(file, document.problems)
    # A text that is no YAML, or no scenario at all, has no keys to complain about; an empty mapping lacks its name.
    plan = assemble(document, file) if document.values or not document.problems else None
    if plan is not None:
        check(document, plan)
    if document.problems or plan is None:
        raise ScenarioErrors(file, document.problems)
    return plan


# A plan hangs on the text alone, and a campaign asks for the same hundred scenarios several times.
_kept = lru_cache(maxsize=512)(_loaded)
