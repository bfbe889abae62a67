"""What an assay came to: plain data for the console and for JSON. The same software and checks give the same, but for seconds."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from harness.core.errors import ExitCode
from harness.engine.assay.request import Hit

State: TypeAlias = Literal["killed", "survived", "inconclusive", "not_tried"]


class Kill(msgspec.Struct, frozen=True):
    """The cheapest run that kills: of those tried, the smallest first, the first one in which the promised invariants find it.

    ``again`` is the command that runs it again, empty for a small scenario that was not kept; ``needs`` the families of fault
    without which nothing is found, None when that was not asked.
    """

    scenario: str
    seed: int | None
    wall_s: float
    again: str
    needs: tuple[str, ...] | None = None
    not_its_own: bool = False
    """The mutant has rows of its own, and none of them kills it so."""


class MutantReport(msgspec.Struct, frozen=True):
    """One mutant. ``hits``: who found it in the runs that killed it; ``missed``: who should have found it, and did not."""

    mutant: str
    summary: str
    caught_by: tuple[int, ...]
    state: State
    hits: tuple[Hit, ...] = ()
    missed: tuple[int, ...] = ()
    kill: Kill | None = None
    tried: int = 0
    why: str = ""
    broken: bool = False
    """The harness itself failed on it."""

    @property
    def sole_killer(self) -> int | None:
        """The one invariant that found it, when no other did."""
        return self.hits[0].invariant if len(self.hits) == 1 else None


class AssayReport(msgspec.Struct, frozen=True):
    """All mutants that were asked for, in the catalogue's order. ``invariants``: every one there is, by number."""

    mutants: tuple[MutantReport, ...]
    invariants: tuple[tuple[int, str], ...]
    families: tuple[str, ...]
    """All families of fault, when it was asked which are needed; else empty."""
    stopped: str = ""
    """Why not everything was tried, when it was not."""
    whole: bool = True
    """Whether every shipped mutant was tried: of some of them nothing follows about invariants that saw none."""

    def count(self, state: State) -> int:
        """How many mutants ended so."""
        return sum(each.state == state for each in self.mutants)

    def sole_killers(self) -> dict[int, list[str]]:
        """By invariant: the mutants that nothing else found."""
        found: dict[int, list[str]] = {number: [] for number, _ in self.invariants}
        for each in self.mutants:
            if each.sole_killer is not None:
                found.setdefault(each.sole_killer, []).append(each.mutant)
        return found

    def redundant(self) -> tuple[int, ...]:
        """Invariants that are the only killer of no mutant: without them all that was killed still would be."""
        return tuple(number for number, mutants in self.sole_killers().items() if not mutants)

    def needed(self) -> dict[str, list[str]]:
        """By family of fault: the mutants that are not killed without it."""
        found: dict[str, list[str]] = {family: [] for family in self.families}
        for each in self.mutants:
            for family in (each.kill.needs if each.kill else None) or ():
                found.setdefault(family, []).append(each.mutant)
        return found

    @property
    def exit_code(self) -> ExitCode:
        """A mutant that lived, or that was missed by what must see it, is a check that does not see."""
        if not self.mutants:
            return ExitCode.NOTHING_SELECTED
        if any(each.broken for each in self.mutants):
            return ExitCode.HARNESS_ERROR
        if any(each.state == "survived" or (each.state == "killed" and each.missed) for each in self.mutants):
            return ExitCode.VIOLATED
        if any(each.state != "killed" for each in self.mutants):
            return ExitCode.INCONCLUSIVE
        return ExitCode.PASS
