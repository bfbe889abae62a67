"""A baseline: signatures that are known, so that only new ones fail.

Models: a small JSON file that ``--write-baseline`` makes and a person can read in a review, or the results file of a sweep, whose
findings are then all known. Does not model: how long something may stay known; whoever keeps the file decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from harness.core.errors import UsageError
from harness.engine.sink import write_bytes

FORMAT = 1
_BYTES_MOST = 16 << 20
_SQLITE = b"SQLite format 3\0"


class KnownFinding(msgspec.Struct, frozen=True):
    """One signature, with what it stands for; only the signature counts."""

    signature: str
    invariant: int = 0
    name: str = ""
    kind: str = ""


class Baseline(msgspec.Struct, frozen=True):
    """The whole file."""

    format: int
    terminal: str
    known: tuple[KnownFinding, ...]

    @property
    def signatures(self) -> frozenset[str]:
        """What is known."""
        return frozenset(each.signature for each in self.known)


def read(path: Path) -> Baseline:
    """A baseline, or the results of a sweep (its file or its directory). UsageError for anything else."""
    if path.is_dir():
        return _of_results(path)
    try:
        with path.open("rb") as file:
            data = file.read(_BYTES_MOST + 1)
    except OSError as error:
        raise UsageError(f"--baseline: cannot read {path}: {error.strerror}") from None
    if data.startswith(_SQLITE):
        return _of_results(path)
    if len(data) > _BYTES_MOST:
        raise UsageError(f"--baseline: {path} is larger than {_BYTES_MOST >> 20} MiB; it is no baseline")
    try:
        found = msgspec.json.decode(data, type=Baseline)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"--baseline: {path} is no baseline ({error}); write one with `harness gate --write-baseline FILE`"
        ) from None
    if found.format != FORMAT:
        raise UsageError(f"--baseline: {path} is in format {found.format}, this version reads {FORMAT}; write it again")
    return found


def write(path: Path, terminal: str, known: Iterable[KnownFinding]) -> None:
    """The file, in order of invariant and signature: it is to be kept under version control."""
    ordered = tuple(sorted(known, key=lambda each: (each.invariant, each.signature)))
    data = msgspec.json.format(msgspec.json.encode(Baseline(FORMAT, terminal, ordered)), indent=1)
    write_bytes(path, data + b"\n")


def _of_results(path: Path) -> Baseline:
    from harness.results.store import Store

    with Store.read(path) as store:
        found = {each.signature: each for run in store.runs() for each in run.findings}
        terminal = store.declared().terminal
    known = tuple(KnownFinding(each.signature, each.invariant, each.name, each.kind) for each in found.values())
    return Baseline(FORMAT, terminal, known)
