"""Bundles of a sweep: the first run of each signature once more, and what it leaves as one file that anybody can replay.

Models: one further run for each run that is the first with some signature, beside the others and within the sweep's time; so many
bundles at most. What keeps a bundle from being written is told and costs nothing else. Does not model: runs of a guided search,
which leave their scenarios; bundles of runs on other machines, whose files are there.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from harness.core.errors import HarnessError
from harness.engine.replay.make import bundle_of
from harness.engine.request import RunRequest
from harness.engine.sink import make_directory
from harness.engine.verdict import Verdict
from harness.results.bundle import SUFFIX, write_bundle
from harness.results.model import RunRow

MOST = 20


@dataclass(slots=True)
class Bundles:
    """Those of one sweep, in ``directory``. ``failed``: by signature, why there is none."""

    directory: Path
    most: int = MOST
    failed: dict[str, str] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)
    _runs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By the directory that a further run writes to: the signatures that it is for."""

    def __post_init__(self) -> None:
        """What is there already stays."""
        self._asked.update(path.stem for path in self.directory.glob(f"*{SUFFIX}"))

    def wanted(self, row: RunRow) -> tuple[str, ...]:
        """The signatures of which this run is the first, as far as there is room for more."""
        new = dict.fromkeys(each.signature for each in row.findings if each.signature not in self._asked)
        return tuple(new)[: max(0, self.most - len(self._asked))]

    def again(self, request: RunRequest, signatures: Iterable[str]) -> RunRequest | None:
        """The further run; None where there is no place for it."""
        named = tuple(signatures)
        self._asked.update(named)
        try:
            scratch = tempfile.mkdtemp(prefix="harness-")
        except OSError as error:
            self._failed(named, error)
            return None
        self._runs[scratch] = named
        return msgspec.structs.replace(request, out_dir=scratch)

    def is_one(self, request: RunRequest) -> bool:
        """Whether that is a further run, which counts for nothing."""
        return request.out_dir in self._runs

    def ended(self, request: RunRequest, verdict: Verdict) -> None:
        """The further run has ended: its bundles."""
        directory = Path(str(request.out_dir))
        for signature in self._runs[str(directory)]:
            try:
                make_directory(self.directory)
                bundle = bundle_of(request, verdict, directory, signature)
                write_bundle(self.directory / f"{signature}{SUFFIX}", bundle)
            except (HarnessError, OSError) as error:
                self._failed((signature,), error)
        shutil.rmtree(directory, ignore_errors=True)  # a history may be large

    def broke(self, request: RunRequest, error: HarnessError | OSError) -> None:
        """The further run came to no verdict."""
        self._failed(self._runs[str(request.out_dir)], error)

    def _failed(self, signatures: Iterable[str], error: HarnessError | OSError) -> None:
        said = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        self.failed |= dict.fromkeys(signatures, " ".join(said.split())[:300])

    def close(self) -> None:
        """Nothing of further runs stays."""
        for scratch in self._runs:
            shutil.rmtree(scratch, ignore_errors=True)
