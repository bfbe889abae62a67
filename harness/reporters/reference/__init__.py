"""The pages of ``harness/docs/reference``, made from what is registered: a new fault or key is not written down twice.

``harness docs --write`` writes them; a test says when one is stale. Does not model: prose, which
stands where a thing is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from harness.reporters import documentation
from harness.reporters.reference import contract, files, messages, registered, said

FOLDER = "reference"
_MADE = "<!-- Written by `harness docs --write` from what is registered: do not edit. -->\n"

PAGES: dict[str, Callable[[], str]] = {
    "faults": registered.faults,
    "invariants": registered.invariants,
    "profiles": registered.profiles,
    "mutants": registered.mutants,
    "scenario": files.scenario,
    "people": files.people,
    "campaign": files.campaign,
    "dialect_file": files.dialect_file,
    "contract": contract.page,
    "messages": messages.messages,
    "events": said.events,
    "measures": said.measures,
    "symptoms": said.symptoms,
    "exit_codes": said.exit_codes,
}


def texts() -> Iterator[tuple[str, str]]:
    """Each page's file name and text, as it ought to be."""
    for name, make in PAGES.items():
        title, _, rest = make().strip().partition("\n")
        yield f"{name}.md", f"{title}\n\n{_MADE}\n{rest.strip()}\n"


def write_pages() -> Iterator[Path]:
    """Write every page; gives the path of each."""
    place = documentation.folder() / FOLDER
    place.mkdir(exist_ok=True)
    for name, text in texts():
        path = place / name
        path.write_text(text, encoding="utf-8")
        yield path
