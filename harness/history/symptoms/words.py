"""The words of symptoms: one row a term, with its gaps, what it means, and how near an event comes to it.

Models: each row is told by the events alone, or (``at_rest``) by whoever knows the ledger. A test gives 1 for what the term
means, and less for what comes near it (the action began and ended otherwise): only a guide for a search, never a match.
Does not model: what cannot be seen in the history; screens whose text no manifest explains are matched by their text.
Source: domain.md sections 1.6 (what terminals show), 7 (what the field reports) and 8 (what is proven at rest).
"""

from __future__ import annotations

import re
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.contract.kinds import ActionKind, OutcomeKind, ReceiptKind, ScreenKind
from harness.core.units import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND
from harness.history import events as e
from harness.history.symptoms.facts import Facts
from harness.history.symptoms.model import Term

DURATION_US = {"s": US_PER_SECOND, "min": US_PER_MINUTE, "h": US_PER_HOUR, "d": US_PER_DAY}
SIZE_BYTES = {"kib": 1 << 10, "mib": 1 << 20}
PHASES = ("trading", "settle_while_full", "recovery", "quiescence", "final_settlement")


@dataclass(frozen=True, slots=True)
class Gap:
    """A place in a row: one of ``choices``, or what ``like`` allows, or a text in quotes."""

    name: str
    choices: tuple[str, ...] = ()
    like: str = ""
    example: str = ""
    optional: bool = False
    quoted: bool = False
    after: str = ""
    """A word that stands before it, both or neither (``because "text"``)."""

    def takes(self, word: str) -> bool:
        """Whether ``word`` (in lower case, with underscores) may stand here."""
        return word in self.choices if self.choices else bool(self.like) and re.fullmatch(self.like, word) is not None

    def shown(self) -> str:
        """As lists print it."""
        own = f'"{self.name.upper()}"' if self.quoted else self.name.upper()
        inside = f"{self.after} {own}" if self.after else own
        return f"[{inside}]" if self.optional else inside


Test = Callable[[Term, Any, Facts], float]
"""How near an event comes to the term; the event's type is one of the row's."""


@dataclass(frozen=True, slots=True)
class Form:
    """One row. Parts are words and gaps, in order; the first word, or the choices of the first gap, tell rows apart."""

    name: str
    parts: tuple[str | Gap, ...]
    meaning: str
    kinds: tuple[type[e.Event], ...] = ()
    test: Test | None = None
    hints: tuple[str, ...] = ()
    """Kinds of fault that tend to bring it about: a search tries them first."""

    @property
    def at_rest(self) -> bool:
        """Whether it is proven at the end and not seen on the way."""
        return self.test is None

    def shown(self) -> str:
        """The row as lists print it."""
        return " ".join(part if isinstance(part, str) else part.shown() for part in self.parts)


# ---------------------------------------------------------------- gaps

_ACTIONS = typing.get_args(ActionKind)
_ACTION = Gap("action", (*_ACTIONS, "action"))
_BECAUSE = Gap("why", quoted=True, optional=True, after="because")
_MTI = Gap("mti", like=r"0\d{3}", example="0200", optional=True)
_KIND = Gap("kind", like=r"[a-z][a-z0-9_]{0,63}", example="power_loss")
_STORAGE = ("full_storage", "storage_error", "read_only", "shrink_capacity", "fsync_failure")
_SILENCE = ("host_silent", "half_open", "partition", "late_reply", "link_reset")


# ---------------------------------------------------------------- tests


def _screen(term: Term, event: e.ScreenShown, _: Facts) -> float:
    kind, text = term.value("kind"), term.value("text")
    return float(kind in ("", event.kind) and text in event.text)


def _receipt(term: Term, event: e.ReceiptPrinted, _: Facts) -> float:
    return float(term.value("kind") in ("", event.kind) and term.value("text") in event.text)


def _is_action(term: Term, kind: str) -> bool:
    return term.value("action") in ("action", kind)


def _started(term: Term, event: e.ActionStarted, _: Facts) -> float:
    return float(_is_action(term, event.kind))


def _ended(term: Term, event: e.ActionStarted | e.ActionEnded, facts: Facts) -> float:
    if isinstance(event, e.ActionStarted):
        return 0.2 if _is_action(term, event.kind) else 0.0
    if not _is_action(term, facts.ended_kind):
        return 0.0
    if event.outcome != term.value("outcome"):
        return 0.4
    return 1.0 if term.value("why") in event.reason else 0.7


def _took(term: Term, event: e.ActionEnded, facts: Facts) -> float:
    if not _is_action(term, facts.ended_kind):
        return 0.0
    wanted_us = int(term.value("duration"))
    return min(1.0, 0.9 * facts.took_us / wanted_us) if facts.took_us < wanted_us else 1.0


def _no_reply(term: Term, event: e.Event, facts: Facts) -> float:
    wanted = term.value("mti")
    if facts.unanswered is not None:
        return 1.0 if wanted in ("", facts.unanswered) else 0.3
    return 0.1 if isinstance(event, e.MessageSent) and event.direction == "up" and wanted in ("", event.mti) else 0.0


def _message(term: Term, event: e.MessageSent | e.MessageDelivered | e.MessageDropped, facts: Facts) -> float:
    if term.value("mti") not in ("", facts.mti):
        return 0.0
    if isinstance(event, e.MessageDropped):
        fits = term.value("fate") == "dropped" and term.value("why") in event.reason
        return 1.0 if fits else 0.5
    fate = "sent" if isinstance(event, e.MessageSent) else "delivered"
    return 1.0 if term.value("fate") == fate else 0.3


def _died(term: Term, event: e.SoftwareDied, _: Facts) -> float:
    why = term.value("why")
    return 1.0 if why in event.reason or why in event.detail else 0.5


def _always(_: Term, _event: e.Event, _facts: Facts) -> float:
    return 1.0


def _boot_failed(_: Term, event: e.Booted | e.SoftwareDied, facts: Facts) -> float:
    if isinstance(event, e.Booted):
        return 0.3
    return 1.0 if facts.died_booting else 0.4


def _storage_failed(term: Term, event: e.StorageFailed, _: Facts) -> float:
    return 1.0 if term.value("errno") in ("", event.errno.lower()) else 0.5


def _storage_lost(_: Term, event: e.StorageAfterPowerLoss, _facts: Facts) -> float:
    return 1.0 if event.lost + event.torn else 0.3


def _fault(term: Term, event: e.FaultStruck, _: Facts) -> float:
    return float(term.value("kind") == event.kind)


def _phase(term: Term, event: e.PhaseStarted, _: Facts) -> float:
    return float(term.value("phase") == event.phase)


def _grown(term: Term, event: e.MemorySampled, facts: Facts) -> float:
    wanted_bytes = int(term.value("size"))
    grown_bytes = event.software_bytes - facts.least_bytes
    return 1.0 if grown_bytes >= wanted_bytes else max(0.0, 0.9 * grown_bytes / wanted_bytes)


def _trace_reused(_: Term, event: e.MessageSent, facts: Facts) -> float:
    return float(facts.trace_reused)


def _settled(term: Term, event: e.BatchSettled, _: Facts) -> float:
    if term.value("balance") == "unbalanced":
        return 0.3 if event.balanced else 1.0
    return 1.0 if event.closed else 0.3


def _believes(term: Term, event: e.IntentClosed, _: Facts) -> float:
    return float(term.value("belief") == event.belief)


# ---------------------------------------------------------------- the rows

FORMS: tuple[Form, ...] = (
    Form(
        "screen", ("screen", Gap("kind", typing.get_args(ScreenKind), optional=True), Gap("text", quoted=True, optional=True)),
        'the display shows a screen of this kind, or with this text in it: screen storage_full, screen "存储满"',
        (e.ScreenShown,), _screen, _STORAGE,
    ),
    Form(
        "receipt", ("receipt", Gap("kind", typing.get_args(ReceiptKind), optional=True), Gap("text", quoted=True, optional=True)),
        "a slip of this kind, or with this text on it, is printed",
        (e.ReceiptPrinted,), _receipt,
    ),
    Form(
        "outcome", (_ACTION, Gap("outcome", (*typing.get_args(OutcomeKind), "interrupted")), _BECAUSE),
        'an action ends so: sale unknown, settle refused because "pending"; action: any of them',
        (e.ActionStarted, e.ActionEnded), _ended,
    ),
    Form("started", (_ACTION, "started"), "somebody asks for an action: settle started", (e.ActionStarted,), _started),
    Form(
        "took", (_ACTION, "took", Gap("duration", like="duration", example="2 min")),
        "an action is over only after so long: sale took 2 min", (e.ActionEnded,), _took,
        ("congestion", "host_overloaded", "slow_reply", "slow_with_fill", "latency_drift"),
    ),
    Form(
        "no_reply", ("no", "reply", Gap("mti", like=r"0\d{3}", example="0200", optional=True, after="to")),
        "a request has had no answer when the terminal sends the next one, or the action ends: no reply to 0200",
        (e.MessageSent, e.ActionEnded), _no_reply, _SILENCE,
    ),
    Form(
        "message", ("message", _MTI, Gap("fate", ("sent", "delivered", "dropped")), _BECAUSE),
        "a message, either way: message 0400 sent, message 0210 dropped",
        (e.MessageSent, e.MessageDelivered, e.MessageDropped), _message, _SILENCE,
    ),
    Form(
        "died", ("software", "died", _BECAUSE), 'the software ends by itself: software died because "out_of_memory"',
        (e.SoftwareDied,), _died, ("memory_leak", "full_storage"),
    ),
    Form("cut", ("power", "cut"), "power goes", (e.PowerLost,), _always, ("power_loss", "brown_out")),
    Form("boot", ("boot",), "power comes on and the software is started", (e.Booted,), _always, ("power_loss", "crash")),
    Form(
        "boot_failed", ("boot", "failed"), "the software dies in its start, before it waits for its first event",
        (e.Booted, e.SoftwareDied), _boot_failed, ("power_loss", "crash"),
    ),
    Form("ready", ("software", "ready"), "the software waits for its first event after a boot", (e.SoftwareReady,), _always),
    Form(
        "storage_failed", ("storage", "failed", Gap("errno", like="e[a-z]{2,12}", example="ENOSPC", optional=True)),
        "a storage call returns an error to the software: storage failed ENOSPC",
        (e.StorageFailed,), _storage_failed, _STORAGE,
    ),
    Form(
        "storage_lost", ("storage", "lost"), "a power cut loses or tears what was not durable yet",
        (e.StorageAfterPowerLoss,), _storage_lost, ("power_loss",),
    ),
    Form("fault", ("fault", _KIND), "a fault of this kind strikes: fault power_loss", (e.FaultStruck,), _fault),
    Form(
        "phase", ("phase", Gap("phase", PHASES)),
        "the run comes to this phase; in settle_while_full link, host and paper are good and the store is still full",
        (e.PhaseStarted,), _phase,
    ),
    Form(
        "memory_grown", ("memory", "grown", Gap("size", like="size", example="256 KiB")),
        "the software's own memory is so much larger than at its least since the boot, an injected leak not counted",
        (e.MemorySampled,), _grown,
    ),
    Form(
        "trace_reused", ("trace", "number", "reused"),
        "a request for another card goes out under a trace number that its batch has had",
        (e.MessageSent,), _trace_reused, ("crash", "power_loss", "memory_leak"),
    ),
    Form(
        "batch", ("batch", Gap("balance", ("closed", "unbalanced"))),
        "the host closes a batch, or finds that its totals differ", (e.BatchSettled,), _settled,
    ),
    Form(
        "believes", ("customer", "believes", Gap("belief", ("paid", "not_paid", "unknown"))),
        "the customer leaves and has seen that", (e.IntentClosed,), _believes,
    ),
    Form("charged_twice", ("charged", "twice"), "the host holds two charges or more for one purchase, above its price",
         hints=_SILENCE),
    Form(
        "no_entry", ("receipt", "without", "ledger", "entry"),
        "a success was shown or printed, and the host has no such entry, or has it reversed", hints=("power_loss", "wrong_mac"),
    ),
    Form(
        "no_receipt", ("ledger", "entry", "without", "receipt"),
        "the host holds a charge, and the terminal never showed, printed or settled it", hints=_SILENCE,
    ),
    Form(
        "lost", ("approved", "sale", "lost"),
        "a sale was shown as approved and stands at the host, and the terminal has no record of it",
        hints=("power_loss", "crash"),
    ),
    Form("finding", ("finding", Gap("number", like=r"[1-9]\d?", example="15")), "an invariant is violated: finding 15"),
)  # fmt: skip

BY_NAME = {form.name: form for form in FORMS}


def test_of(term: Term) -> Test:
    """How the term is told in an event; not for terms at rest."""
    test = BY_NAME[term.form].test
    assert test is not None
    return test
