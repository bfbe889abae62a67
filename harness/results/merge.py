"""Several results files of one sweep made one: shards, parts from other machines, a sweep that was copied and gone on with.

Models: each run counted once, wherever it was run; files of another sweep, damaged files and runs that differ are refused, and
then nothing is left behind.
Does not model: files of sweeps that were declared differently. Their runs are no one sample, and no bound holds for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from harness.core.errors import UsageError
from harness.results.model import CanaryRow, Declared, DeclaredScenario, JudgedRow, RunRow
from harness.results.store import Store

_VALUE_CHARACTERS = 60


def merge(out_dir: Path, inputs: Sequence[Path]) -> None:
    """Everything that ``inputs`` hold into a new results file in ``out_dir``."""
    runs: dict[tuple[str, int], tuple[RunRow, Path]] = {}
    canaries: list[CanaryRow] = []
    judged: list[JudgedRow] = []
    first: tuple[Declared, Path] | None = None
    for path in inputs:
        with Store.read(path) as store:
            declared = replace(store.declared(), shard=None)
            if first is None:
                first = declared, path
            _refuse_another(first, (declared, path))
            canaries += store.canaries()
            judged += store.judged()
            for run in store.runs():
                known = runs.get(run.key)
                runs[run.key] = (run, path) if known is None else _one_of(known, (run, path))
    if first is None:
        raise UsageError("there is nothing to merge; name results files, or the directories that they are in")
    with Store.create(out_dir, first[0]) as store:
        try:
            store.add_all((run for run, _ in runs.values()), canaries, judged)
        except BaseException:
            store.discard()
            raise


def _refuse_another(one: tuple[Declared, Path], other: tuple[Declared, Path]) -> None:
    for each in fields(Declared):
        was, now = (_shown(getattr(declared, each.name)) for declared, _ in (one, other))
        if getattr(one[0], each.name) != getattr(other[0], each.name):
            raise UsageError(
                f"{other[1]} is of another sweep than {one[1]}: {each.name} is {now!r} there and {was!r} here; "
                f"only parts of one sweep give one bound"
            )


def _shown(value: object) -> str:
    """As a person reads it: of scenarios their names, as what else differs is their text."""
    labels = [each.label for each in value if isinstance(each, DeclaredScenario)] if isinstance(value, tuple) else []
    return (", ".join(labels) or str(value))[:_VALUE_CHARACTERS]


def _one_of(known: tuple[RunRow, Path], other: tuple[RunRow, Path]) -> tuple[RunRow, Path]:
    """The same run twice: whichever came further; two that came to their ends must have come to the same."""
    if not _came_to_its_end(other[0]):
        return known
    if not _came_to_its_end(known[0]):
        return other
    # A replay line names files of the machine.
    if replace(known[0], replay="") != replace(other[0], replay=""):
        raise UsageError(
            f"{known[0].scenario} seed {known[0].seed} ended as {known[0].verdict} in {known[1]} and as {other[0].verdict} in "
            f"{other[1]}, with other histories: the same run must go the same way; was the software the same?"
        )
    return known


def _came_to_its_end(run: RunRow) -> bool:
    """One without a history broke, or was stopped: the machine may have done that."""
    return run.verdict != "error" and bool(run.history_sha256)
