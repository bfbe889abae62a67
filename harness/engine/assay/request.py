"""What one mutant's assay is asked to do: everything that crosses into its child process, and what comes back."""

from __future__ import annotations

import msgspec

REFERENCE = "reference"
REFERENCES = {"international": "reference_international"}
"""By dialect: the correct terminal that speaks it, where it is another."""


class Try(msgspec.Struct, frozen=True, omit_defaults=True):
    """One run to try: a scenario with a seed, or, when ``flow`` is given, crash points of a flow.

    ``scenario`` is a shipped scenario's name or, when ``text`` is given, empty. ``wanted``: the invariants that it is tried for,
    empty for all.
    """

    label: str
    scenario: str = ""
    text: str = ""
    seed: int = 1
    flow: str = ""
    profiles: tuple[str, ...] = ()
    states: int = 0
    wanted: tuple[int, ...] = ()


class Task(msgspec.Struct, frozen=True, omit_defaults=True):
    """One mutant and the runs to try, in order, until all of ``caught_by`` have found it (or, where that is empty, any)."""

    terminal: str
    tries: tuple[Try, ...]
    caught_by: tuple[int, ...] = ()
    families: bool = False
    black_box: bool = False
    """Its ``inspect`` is not asked."""
    thorough: bool = False
    """It does not end when all have found it: every small scenario is tried, to see who else would, and in which cheaper run."""


class Hit(msgspec.Struct, frozen=True):
    """An invariant that found the mutant, and with how many findings (states, of crash points)."""

    invariant: int
    name: str
    findings: int


class Tried(msgspec.Struct, frozen=True, omit_defaults=True, tag="tried"):
    """How one of the runs went. ``hits`` count only where the reference passed the very same run; else ``why`` says so.

    ``skipped`` says why it could not be run with this software at all.
    ``needs``: the families of fault without which none of the hits comes back; None when that was not asked.
    """

    place: int
    wall_s: float
    hits: tuple[Hit, ...] = ()
    why: str = ""
    skipped: str = ""
    needs: tuple[str, ...] | None = None


class Begun(msgspec.Struct, frozen=True, tag="begun"):
    """A run begins: if the process dies, it died in this one."""

    place: int


class Done(msgspec.Struct, frozen=True, tag="done"):
    """Everything was tried that had to be. ``error`` in words, and its exit code, when nothing could be."""

    error: str = ""
    exit_code: int = 0


AssayMessage = Begun | Tried
