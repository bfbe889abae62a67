"""From a run and what was seen of it to the page of one finding: its part of the history, messages with their fields, the disk.

Models: what is shown at each event; what changed at events that are not shown comes with the next that is. Does not model: how
the run came to be (``finding``), or which other run it is compared with (``nearest``).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path

import msgspec

from harness.contract import Manifest
from harness.engine.report.model import Disk, FindingPage, Message, Series, Why
from harness.engine.report.observing import Observed
from harness.engine.report.placing import placed, taken_by
from harness.engine.report.series import series_of
from harness.engine.report.window import Guilt, fit, window
from harness.engine.verdict import FindingView, Verdict
from harness.history.query import HistoryFile
from harness.invariants.catalogue import INVARIANTS


def why_of(number: int, summary: str, guilty: tuple[int, ...]) -> Why:
    invariant = next((each for _, each in INVARIANTS.items() if each.number == number), None)
    if invariant is None:
        return Why("", "", fit(summary)[0], guilty)
    return Why(invariant.sentence(), invariant.evidence, fit(summary)[0], guilty)


def story_of(
    page: FindingPage, verdict: Verdict, finding: FindingView, directory: Path, observed: Observed | None
) -> FindingPage:
    history = HistoryFile(directory / "history.jsonl")
    guilt = Guilt(finding.device, finding.events, finding.at_us, finding.at_us, finding.cause)
    found = window(history, guilt)
    numbers = {each.number for each in found.steps}
    of_device = [each.number for each in found.steps if each.device in ("", finding.device)]
    frames = {} if observed is None else {each.number: each for each in observed.frames}
    messages = tuple(_with_fields(each, frames.get(each.number)) for each in found.messages)
    proof_us = [each.at_us for each in found.steps if each.guilty]
    steps = placed(found.steps, () if observed is None else observed.places)
    return msgspec.structs.replace(
        page,
        summary=fit(finding.summary)[0],
        device=finding.device,
        at_us=finding.at_us,
        severity=finding.severity or page.severity,
        fault=finding.fault or page.fault,
        place=finding.place or page.place,
        follows=finding.follows,
        scenario=page.scenario or verdict.scenario,
        seed=verdict.seed if page.seed is None else page.seed,
        terminal=page.terminal or verdict.terminal,
        why=why_of(finding.invariant, finding.summary, tuple(each for each in finding.events if each in numbers)),
        steps=steps,
        around=tuple(found.around),
        bands=tuple(found.bands),
        messages=messages,
        volumes=() if observed is None else observed.volumes,
        disks=() if observed is None else disks_at(observed, of_device),
        why_no_disk="" if observed is None else observed.why_no_disk,
        taken=() if observed is None else taken_by(observed.taken, finding, numbers, proof_us),
        left_out=found.left_out,
        left_out_elsewhere=found.left_out_elsewhere,
        window=(found.from_us, found.until_us),
        series=_series(history, finding.device, observed),
    )


def _series(history: HistoryFile, device: str, observed: Observed | None) -> tuple[Series, ...]:
    """Plots of the guilty terminal over the whole run."""
    if observed is None or observed.device != device:
        return series_of(history, device=device)
    manifest = Manifest(name="", max_transactions=observed.record_limit)
    return series_of(history, {device: manifest}, device=device, watched=observed.space)


def _with_fields(message: Message, frame: object) -> Message:
    fields, error = getattr(frame, "fields", ()), getattr(frame, "error", "")
    return msgspec.structs.replace(message, fields=fields, error=message.error or error)


def disks_at(observed: Observed, shown: Sequence[int]) -> tuple[Disk, ...]:
    """What changed at events that are not shown comes with the next that is; all from before the first comes with the first."""
    kept: dict[tuple[str, int], Disk] = {}
    for each in observed.disks:
        place = bisect_left(shown, each.number)
        if place == len(shown):
            break
        key = each.volume, shown[place]
        before = kept.get(key)
        merged = each if before is None else _laid_over(before, each)
        kept[key] = msgspec.structs.replace(merged, number=shown[place])
    return tuple(kept.values())


def _laid_over(before: Disk, after: Disk) -> Disk:
    files = {each.path: each for each in before.files if each.path not in after.gone}
    files.update((each.path, each) for each in after.files)
    gone = tuple(dict.fromkeys(each for each in (*before.gone, *after.gone) if each not in files))
    return msgspec.structs.replace(
        after,
        files=tuple(files[path] for path in sorted(files)),
        gone=gone,
        done_left_out=after.done_left_out + len(before.done) + before.done_left_out,
    )
