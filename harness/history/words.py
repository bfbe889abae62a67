"""An event as one line of a story, in words that a shop owner and a developer both understand."""

from collections.abc import Callable
from typing import Any

from harness.core.units import clock_text
from harness.history import events as e

Sentence = Callable[[Any], str]

SUPPORT_CLEARED = "support cleared the reversal"
"""How the history begins (``OperatorDid``) when support takes a reversal away with the acquirer's consent."""


def cleared_by_support(what: str) -> str | None:
    """The trace number of the request whose reversal support took away; empty when none is named, None when none was."""
    if not what.startswith(SUPPORT_CLEARED):
        return None
    _, _, named = what.partition("trace number ")
    return named[:6].strip() if named[:6].isdecimal() else ""


def line(event: e.Event) -> str:
    """Time, device and what happened."""
    return f"{clock_text(event.at_us)}  {getattr(event, 'device', ''):<4} {sentence(event)}"


def sentence(event: e.Event) -> str:
    """What happened."""
    told = _SENTENCES.get(type(event))
    return told(event) if told is not None else type(event).__name__


def _money(amount_fen: int | None) -> str:
    return "" if amount_fen is None else f" {amount_fen / 100:,.2f} yuan"


def _trace(stan: str | None) -> str:
    return f" (trace {stan})" if stan else ""


def _message(event: e.MessageSent) -> str:
    if event.error:
        return f"message {event.message} {event.direction}: cannot be read ({event.error})"
    code = f" code {event.response_code}" if event.response_code else ""
    wrong = f" (wrong {event.altered})" if event.altered else ""
    way = "terminal sends" if event.direction == "up" else "host answers"
    return f"{way} {event.mti}{_money(event.amount_fen)}{_trace(event.stan)}{code}, message {event.message}{wrong}"


def _place(event: e.SecretFound) -> str:
    return f"{event.where.replace('_', ' ')} {event.path}, byte {event.offset}" if event.path else event.where


def _settled(event: e.BatchSettled) -> str:
    state = "closes" if event.closed else "does not close"
    balance = "balanced" if event.balanced else "not balanced"
    extra = f"; {len(event.host_only)} sales only the host knows" if event.host_only else ""
    return f"host {state} batch {event.batch}, {balance}{extra}"


_SILENCES = {
    "no_reply": "carried out; host.no_reply says how often that happens on any day",
    "withheld": "carried out",
    "not_read": "not carried out",
    "not_understood": "not carried out; it understands none like it",
}


def _unanswered(event: e.RequestUnanswered) -> str:
    if event.reason == "late":
        return f"host keeps its answer to message {event.message} (carried out) until a later request"
    return f"host never answers message {event.message} ({_SILENCES.get(event.reason, event.reason)})"


def _inspected(event: e.Inspected) -> str:
    if event.error:
        return f"its own records cannot be read ({event.error})"
    pending = f", {len(event.pending_reversals)} reversals pending" if event.pending_reversals else ""
    damaged = f", {event.damaged_records} damaged" if event.damaged_records else ""
    return f"its own log holds {len(event.records)} records of batch {event.batch}{pending}{damaged}"


_SENTENCES: dict[type[e.Event], Sentence] = {
    e.RunStarted: lambda v: f"run starts: {v.scenario}, {v.terminal}, seed {v.seed}",
    e.PhaseStarted: lambda v: f"phase: {v.phase}",
    e.ImageLoaded: lambda v: f"begins on data from before: {v.source}",
    e.IntentOpened: lambda v: f"customer {v.intent} wants a {v.kind} of{_money(v.amount_fen)}",
    e.Presented: lambda v: f"customer {v.intent} shows a card (token {v.token})",
    e.CardDecided: lambda v: f"card's chip, {v.step} word on{_money(v.amount_fen)}: {v.answer} (token {v.token})",
    e.IntentClosed: lambda v: f"customer {v.intent} leaves, believing: {v.belief}",
    e.ActionStarted: lambda v: f"operator asks for {v.kind}{_money(v.amount_fen)} (action {v.action})",
    e.ActionEnded: lambda v: f"action {v.action} ends: {v.outcome}{f' ({v.reason})' if v.reason else ''}",
    e.OperatorDid: lambda v: v.what,
    e.ScreenShown: lambda v: f"screen: {v.kind}{_money(v.amount_fen)}{_trace(v.stan)} {v.text!r}",
    e.ReceiptPrinted: lambda v: (
        f"receipt: {'duplicate ' if v.duplicate else ''}{v.kind}{_money(v.amount_fen)}{_trace(v.stan)}"
    ),
    e.PowerLost: lambda v: f"POWER LOST ({v.cause})",
    e.StorageAfterPowerLoss: lambda v: (
        f"volume {v.volume}: of {v.pending} operations not yet durable {v.lost} were lost, {v.torn} torn"
        + (f": {'; '.join(v.details[:3])}" if v.details else "")
    ),
    e.Booted: lambda v: f"boots (boot {v.boot})",
    e.SoftwareReady: lambda v: f"ready (boot {v.boot})",
    e.SoftwareDied: lambda v: f"software dies: {v.reason}: {v.detail}",
    e.SoftwareLogged: lambda v: f"software prints {v.text!r}",
    e.ProbeReached: lambda v: f"reaches {v.name}",
    e.MemorySampled: lambda v: f"memory: {v.software_bytes:,} bytes of its own, {v.leaked_bytes:,} leaked",
    e.StorageFailed: lambda v: f"{v.operation} {v.path} fails with {v.errno}",
    e.Barrier: lambda v: f"{v.kind} {v.path} done",
    e.SpaceMeasured: lambda v: f"volume {v.volume}: {v.free_bytes:,} of {v.total_bytes:,} bytes free ({v.when})",
    e.SecretFound: lambda v: f"{v.kind.replace('_', ' ')} of card {v.pan} found in {_place(v)} ({v.when})",
    e.SecretsSought: lambda v: f"searched for card data of {v.presentations} presentations ({v.when}): {v.found} found",
    e.MessageSent: _message,
    e.MessageDelivered: lambda v: f"message {v.message} arrives",
    e.MessageDropped: lambda v: f"message {v.message} is lost ({v.reason})",
    e.RequestUnanswered: _unanswered,
    e.LedgerChanged: lambda v: (
        f"host books {v.kind}{_money(v.amount_fen)}{_trace(v.stan)}: {v.previous_state or 'new'} -> {v.state}"
    ),
    e.BatchSettled: _settled,
    e.CertificateTaken: lambda v: f"host has the chip's certificate{_trace(v.stan)} of batch {v.batch}",
    e.OrderChanged: lambda v: (
        f"host turns order {v.order} of{_money(v.amount_fen)}: {v.previous_state or 'new'} -> {v.state} ({v.reason})"
    ),
    e.SettingsKeyed: lambda v: f"account {v.account} and cycle {v.cycle} are keyed in (action {v.action})",
    e.SettingsJudged: lambda v: (
        f"host {'takes' if v.code == '00' else 'refuses'} account {v.account} and cycle {v.cycle}, code {v.code}"
    ),
    e.PayoutMade: lambda v: (
        f"payout {v.payout} of{_money(v.amount_fen)} to account {v.account or 'none'} is {v.state}"
        f"{f': {v.reason}' if v.reason else ''}"
    ),
    e.PayoutTold: lambda v: f"host tells of batch {v.batch}:{_money(v.amount_fen)} paid, {v.state}",
    e.FaultStruck: lambda v: (
        f"FAULT {v.kind} strikes {', '.join(v.devices)} ({v.fault}){f': {v.detail}' if v.detail else ''}"
    ),
    e.DataDamaged: lambda v: (
        f"fault {v.fault} has damaged {v.path}, of which nothing is younger than {clock_text(max(0, v.youngest_us))}"
    ),
    e.FaultBit: lambda v: f"fault {v.fault} bites: {v.evidence}",
    e.FaultLifted: lambda v: f"fault {v.fault} is lifted",
    e.Inspected: _inspected,
    e.InspectionMissing: lambda event: f"offers no inspection of its own records: {event.why}",
}
