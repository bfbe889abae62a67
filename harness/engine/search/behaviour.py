"""What a run did that others may not have: pairs of things that followed each other on one terminal, and how often.

Models: AFL's edges and buckets, with what somebody outside the software can tell in place of branches: what a terminal shows
and answers, calls that fail, messages with their codes, the host's books, power and deaths, each with the one before it, the
phase of the run, and the faults that are on. Counts fall into buckets (1, 2, 3, 4 to 7, 8 to 15, ...): one more is nothing new.
Does not model: branches inside the software, which a program of any language would have to be built for.
Source: M. Zalewski, technical whitepaper for AFL ("Detecting new behaviors").
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from harness.core.decisions import Value, read_pins
from harness.history import events as e
from harness.history.recorder import Recorder

Token = tuple[object, ...]
_START: Token = ("start",)
_ID_BYTES = 6
_DIGITS = re.compile(r"\d+")
_BUCKETS = (1, 2, 3, 4, 8, 16, 32, 128)

_TOKENS: dict[type[e.Event], Callable[[Any], Token | None]] = {
    e.ActionStarted: lambda v: (v.kind,),
    e.ActionEnded: lambda v: (v.outcome, v.reason),
    e.ScreenShown: lambda v: (v.kind,),
    e.ReceiptPrinted: lambda v: (v.kind, v.duplicate),
    e.PowerLost: lambda v: (),
    e.StorageAfterPowerLoss: lambda v: (v.volume, v.lost > 0, v.torn > 0),
    e.SoftwareReady: lambda v: (),
    e.SoftwareDied: lambda v: (v.reason,),
    e.ProbeReached: lambda v: (v.name,),
    e.StorageFailed: lambda v: (v.operation, v.errno),
    e.Barrier: lambda v: (v.kind, _DIGITS.sub("N", v.path)),
    e.MessageSent: lambda v: (v.direction, v.mti, v.response_code, v.altered, bool(v.error)),
    e.MessageDropped: lambda v: (v.reason,),
    e.LedgerChanged: lambda v: (v.kind, v.previous_state, v.state, v.reason),
    e.BatchSettled: lambda v: (v.closed, v.balanced, v.repeated, bool(v.host_only), bool(v.terminal_only)),
    e.IntentClosed: lambda v: (v.belief, v.walked_away),
    e.Inspected: lambda v: (v.when, v.damaged_records > 0, bool(v.pending_reversals), bool(v.error)),
    e.OrderChanged: lambda v: (v.previous_state, v.state),
}


class Seen(msgspec.Struct, frozen=True):
    """What one run tells the search: features, and every decision that placed a fault."""

    features: tuple[int, ...]
    faults: dict[str, Value]


class Behaviour:
    """Listens to one run."""

    def __init__(self) -> None:
        self._last: dict[str, Token] = {}
        self._on: dict[str, tuple[str, ...]] = {}
        """By device: kinds of fault that are on, in order."""
        self._phase = ""
        self._counts: dict[tuple[object, ...], int] = {}

    def attach(self, recorder: Recorder) -> None:
        """Hear of everything that counts."""
        for kind, token_of in _TOKENS.items():
            recorder.watch(kind, self._hearer(kind.__name__, token_of))
        recorder.watch(e.PhaseStarted, self._phase_started)
        recorder.watch(e.FaultStruck, self._struck)
        recorder.watch(e.FaultLifted, self._lifted)

    def _hearer(self, name: str, token_of: Callable[[Any], Token | None]) -> Callable[[int, Any], None]:
        counts, last, on = self._counts, self._last, self._on

        def heard(_: int, event: Any) -> None:
            device = event.device
            token = (name, *(token_of(event) or ()))
            for feature in (
                (last.get(device, _START), token, self._phase),
                *((fault, token) for fault in on.get(device, ())),
            ):
                counts[feature] = counts.get(feature, 0) + 1
            last[device] = token

        return heard

    def _phase_started(self, _: int, event: e.PhaseStarted) -> None:
        self._phase = event.phase

    def _struck(self, _: int, event: e.FaultStruck) -> None:
        for device in event.devices:
            self._on[device] = tuple(sorted({*self._on.get(device, ()), event.kind}))
            token = ("struck", event.kind)
            feature = (self._last.get(device, _START), token, self._phase)
            self._counts[feature] = self._counts.get(feature, 0) + 1

    def _lifted(self, _: int, event: e.FaultLifted) -> None:
        for device in event.devices:
            self._on[device] = tuple(kind for kind in self._on.get(device, ()) if kind != event.kind)

    def features(self) -> tuple[int, ...]:
        """Each pair with the bucket of its count, as a number; the same in every process."""
        return tuple(sorted(_number(feature, bucket_of(count)) for feature, count in self._counts.items()))


def bucket_of(count: int) -> int:
    """The number of the bucket that a count falls into."""
    return sum(count >= least for least in _BUCKETS)


def _number(feature: tuple[object, ...], bucket: int) -> int:
    return int.from_bytes(blake2b(repr((feature, bucket)).encode(), digest_size=_ID_BYTES).digest(), "big")


def is_of_fault(key: str) -> bool:
    """Whether a decision places or shapes a fault."""
    return "/fault/" in key or key.startswith("fault/")


def write_seen(path: Path, behaviour: Behaviour, decisions: Path) -> None:
    """What the run tells, as JSON: ``decisions`` is what it has written of them."""
    with decisions.open(encoding="utf-8") as lines:
        pins = read_pins([line for line in lines if is_of_fault(line.partition("\t")[0])])
    path.write_bytes(msgspec.json.encode(Seen(behaviour.features(), pins)))


def read_seen(path: Path) -> Seen | None:
    """What a run has told; None when it did not come so far."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Seen)
    except (OSError, msgspec.MsgspecError):
        return None
