"""Gathering findings: grouped by invariant and by the code that left the state, each group with one state told in full.

Models: Pathfinder's grouping (OOPSLA'25): a hundred states that one missing fsync leaves are one thing to read. The code that
left a state is the call whose work was the first to be lost or torn. Where nothing was lost no call left it: the last one before
the cut only says where the flow was, may belong to the sale before, and stands in a group of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from harness.core.masking import mask_text
from harness.engine.crashpoints.callsites import Step
from harness.engine.crashpoints.labels import step_label
from harness.engine.crashpoints.medium import Medium
from harness.engine.crashpoints.record import Recorded
from harness.engine.crashpoints.report import Cell, Example, FlowReport, Found
from harness.engine.crashpoints.states import State
from harness.history.events import Barrier, Event, MemorySampled, MessageDelivered
from harness.history.query import Numbered, story
from harness.history.words import line
from harness.invariants.base import Finding

Keeper = Callable[[str, Mapping[str, object]], str]
Historian = Callable[[Sequence[Event], Finding], None]
"""Is given the whole history of a finding that is told."""
"""Keeps a state's images under its name and says where."""

_LOSSES_TOLD = 6
_LINES_MAX = 40
_NOISE = (Barrier, MemorySampled, MessageDelivered)


@dataclass(frozen=True, slots=True)
class Seen:
    """One judged history: the state's name, and by profile a state that has this history.

    ``excused``: by profile, invariants that the medium made unsurvivable at an earlier cut; damage stays.
    """

    name: str
    depth: int
    recorded: Recorded
    media: Mapping[str, State]
    history: Sequence[Event]
    excused: Mapping[str, frozenset[int]]


class Gathering:
    """Puts findings into a flow's report."""

    def __init__(
        self,
        report: FlowReport,
        media: Mapping[str, Medium],
        keeper: Keeper | None = None,
        historian: Historian | None = None,
    ) -> None:
        self._report = report
        self._historian = historian
        self._media = media
        self._keeper = keeper
        self._found: dict[tuple[int, str, bool], Found] = {}
        self._states: dict[tuple[int, str, bool], set[str]] = {}
        """The distinct ones of each: one state may come by several histories, and on several media."""
        self._cells: dict[tuple[int, str, str], Cell] = {}

    def note(self, seen: Seen, findings: Sequence[Finding], events: Sequence[Event]) -> set[str]:
        """Take in what one history came to; the profiles on which it counts as failing."""
        label = mask_text(step_label(seen.history[len(seen.recorded.before) :]))
        failing: set[str] = set()
        for name, state in seen.media.items():
            excused = self._media[name].excuses(seen.recorded, state) | seen.excused.get(name, frozenset())
            counted = [each for each in findings if not self._excused(name, excused, each)]
            cell = self._cell(seen.depth, label, name)
            cell.at = min(cell.at, state.point.outside.events)
            cell.states += 1
            if counted:
                cell.failing += 1
                failing.add(name)
            for number in {each.number: None for each in counted}:
                same = [each for each in counted if each.number == number]
                self._add(seen, name, state, same, events, label)
        return failing

    def _excused(self, medium: str, excused: frozenset[int], finding: Finding) -> bool:
        if finding.number not in excused and finding.rests_on not in excused:
            return False
        count = self._report.profile(medium).unsurvivable
        count[finding.number] = count.get(finding.number, 0) + 1
        return True

    def _cell(self, depth: int, label: str, medium: str) -> Cell:
        cell = self._cells.get((depth, label, medium))
        if cell is None:
            cell = self._cells[depth, label, medium] = Cell(label, medium, depth, sys.maxsize)
            self._report.cells.append(cell)
        return cell

    def _add(
        self, seen: Seen, medium: str, state: State, findings: Sequence[Finding], events: Sequence[Event], label: str
    ) -> None:
        first = findings[0]
        step = guilty_step(seen.recorded, state)
        key = first.number, step.place, lost_nothing(state)
        found = self._found.get(key)
        weight = seen.depth, lost_operations(state), state.point.at_us, seen.name, medium
        if found is None:
            example = self._tell(seen, medium, state, first, events, label, step)
            found = Found(first.number, first.invariant, first.severity, step.place, [medium], 0, 0, example, key[2])
            self._found[key] = found
            self._report.found.append(found)
        elif weight < found.example.weight:
            found.example = self._tell(seen, medium, state, first, events, label, step)
        if medium not in found.profiles:
            found.profiles.append(medium)
        states = self._states.setdefault(key, set())
        states.add(seen.name)
        found.states = len(states)
        found.money_fen = max(found.money_fen, sum(each.money_fen for each in findings))

    def _tell(
        self,
        seen: Seen,
        medium: str,
        state: State,
        finding: Finding,
        events: Sequence[Event],
        label: str,
        step: Step,
    ) -> Example:
        names = seen.recorded.timeline.volumes
        losses = tuple(
            mask_text(f"{name}: {loss}")
            for name, volume in zip(names, state.volumes, strict=True)
            for loss in (*(each.text for each in (*volume.lost, *volume.torn)), *volume.damage_told)
        )
        hidden = len(losses) - _LOSSES_TOLD
        if hidden > 0:
            losses = (*losses[:_LOSSES_TOLD], f"and {hidden} more")
        place = "" if self._keeper is None else self._keeper(seen.name, state.images(names))
        if self._historian is not None:
            self._historian(events, finding)
        under_way = len(state.point.outside.underway)
        arrived = (
            "" if not under_way else f"{len(state.arrived)} of {under_way} requests under way still reach the host"
        )
        return Example(
            state=seen.name,
            depth=seen.depth,
            lost_operations=lost_operations(state),
            at_us=state.point.at_us,
            profile=medium,
            cut=label,
            step=step.text,
            losses=losses,
            arrived=arrived,
            summary=finding.summary,
            story=tell_story(events, finding),
            image=place,
        )


def lost_operations(state: State) -> int:
    """How many operations did not land whole."""
    return sum(sum(volume.cost) for volume in state.volumes)


def lost_nothing(state: State) -> bool:
    """Whether everything that the software had done is on the medium, whole."""
    return not any((*each.lost, *each.torn, *each.damage_told) for each in state.volumes)


def guilty_step(recorded: Recorded, state: State) -> Step:
    """The storage call that left the state; where nothing was lost the last one before the cut. Profiles may split an operation
    into parts, which then stand for the last call.
    """
    timeline = recorded.timeline
    for place, volume in enumerate(state.volumes):
        indices = sorted((*volume.lost_indices, *(index for index, _ in volume.torn_parts)))
        if indices:
            lost = volume.log[indices[0]]
            index = next((index for index, op in enumerate(timeline.logs[place]) if op is lost), None)
            if index is not None:
                return timeline.step_of(place, index)
    return timeline.last_step(state.point.lengths)


def tell_story(events: Sequence[Event], finding: Finding) -> tuple[str, ...]:
    """The events of a finding and those around them, the guilty ones marked."""
    guilty = set(finding.events)
    numbered = cast(list[Numbered], list(enumerate(events)))
    return tuple(
        f"{'>' if number in guilty else ' '} {line(event)}"
        for number, event in story(numbered, finding, _LINES_MAX)
        if number in guilty or not isinstance(event, _NOISE)
    )
