"""Words for writing tiny histories: what happens at one terminal, T01, with batch 1, unless said otherwise.

Events written with these functions have no time of their own; ``case`` sets them one second apart, so that a history
reads as a list of what happens. ``at`` gives an event (and thereby those after it) a time.
"""

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from harness.contract import Manifest
from harness.history.events import (
    ActionEnded,
    ActionStarted,
    AnyEvent,
    BatchSettled,
    CardDecided,
    CertificateTaken,
    Event,
    ImageLoaded,
    Inspected,
    IntentClosed,
    IntentOpened,
    LedgerChanged,
    MessageDelivered,
    MessageSent,
    PhaseStarted,
    PowerLost,
    Presented,
    ReceiptPrinted,
    RecordSeen,
    ScreenShown,
    SecretFound,
    SecretsSought,
    SoftwareReady,
    SpaceMeasured,
    StorageFailed,
)
from harness.invariants.base import Case, CaseVerdict, Terms

_SECOND_US = 1_000_000
T01 = "T01"
E = TypeVar("E", bound=Event)


ON_IMAGES = Terms(on_images=True)


def at(seconds: float, event: E) -> E:
    """``event`` at so many seconds of the history."""
    return msgspec.structs.replace(event, at_us=round(seconds * _SECOND_US))


def timed(events: Iterable[AnyEvent]) -> tuple[AnyEvent, ...]:
    """Events one second apart, except where they have a time of their own."""
    clock_us = 0
    result: list[AnyEvent] = []
    for event in events:
        clock_us = event.at_us if event.at_us else clock_us + _SECOND_US
        result.append(msgspec.structs.replace(event, at_us=clock_us))
    return tuple(result)


def case(
    name: str,
    why: str,
    expect: CaseVerdict,
    *events: AnyEvent,
    guilty: int | None = None,
    instead: AnyEvent | None = None,
    terms: Terms = Terms(),  # noqa: B008 - frozen
) -> Case:
    """A case of an invariant; see ``base.Case``."""
    return Case(name, why, expect, timed(events), guilty, instead, terms)


def intent(number: int = 1, amount_fen: int = 1000, kind: str = "sale") -> IntentOpened:
    return IntentOpened(0, T01, number, kind, amount_fen)


def leaves(number: int = 1, belief: str = "paid") -> IntentClosed:
    return IntentClosed(0, T01, number, belief)


def starts(action: int = 1, kind: str = "sale", intent: int | None = 1, amount_fen: int = 1000) -> ActionStarted:
    money = kind not in ("settle", "reprint", "sign_on", "reboot")
    return ActionStarted(0, T01, action, kind, amount_fen if money else None, intent if money else None)


def ends(action: int = 1, outcome: str = "approved", reason: str = "") -> ActionEnded:
    return ActionEnded(0, T01, action, outcome, reason)


def card(token: str = "1", action: int = 1, intent: int = 1) -> Presented:
    return Presented(0, T01, intent, token, action)


def decides(answer: str = "TC", step: str = "first", token: str = "1", action: int = 1) -> CardDecided:
    """The card's chip answers: approves without the host, unless said otherwise."""
    return CardDecided(0, T01, action, token, step, answer, 1000)


def screen(
    kind: str = "approved", action: int | None = 1, stan: str | None = None, batch: str | None = "000001"
) -> ScreenShown:
    return ScreenShown(0, T01, action, kind, kind.upper(), None, stan, batch if stan else None)


def late_screen(stan: str = "000001", amount_fen: int = 1000) -> ScreenShown:
    """An approval that comes to light outside any action."""
    return ScreenShown(0, T01, None, "approved", "APPROVED", amount_fen, stan, "000001")


def receipt(
    stan: str = "000001", action: int | None = 1, duplicate: bool = False, batch: str = "000001", kind: str = "sale"
) -> ReceiptPrinted:
    return ReceiptPrinted(0, T01, action, kind, kind.upper(), 1000, stan, batch, duplicate)


def slip(
    debit_count: int, debit_fen: int, action: int | None = 9, batch: str = "000001", text: str = "SETTLEMENT"
) -> ReceiptPrinted:
    """A settlement slip with debits only."""
    return ReceiptPrinted(
        0, T01, action, "settlement", text, None, None, batch, False, debit_count, debit_fen, 0, 0
    )  # fmt: skip


def ledger(
    entry: int = 1,
    state: str = "APPROVED",
    before: str = "",
    *,
    kind: str = "sale",
    stan: str = "000001",
    token: str = "1",
    amount_fen: int = 1000,
    batch: str = "000001",
    original: int | None = None,
    chip: bool = False,
) -> LedgerChanged:
    return LedgerChanged(
        0, T01, entry, kind, state, before, batch, stan, amount_fen, token, original_entry=original, chip=chip
    )  # fmt: skip


def certified(stan: str = "000001", batch: str = "000001") -> CertificateTaken:
    """The host has the chip's certificate of a sale."""
    return CertificateTaken(0, T01, batch, stan)


def settled(
    *entries: int,
    closed: bool = True,
    batch: str = "000001",
    claimed: tuple[int, int] = (1, 1000),
    held: tuple[int, int] = (1, 1000),
    host_only: tuple[int, ...] = (),
    terminal_only: tuple[str, ...] = (),
    repeated: bool = False,
) -> BatchSettled:
    """The host's answer to a settlement request; ``claimed`` and ``held`` are debit count and amount."""
    terminal_totals = (*claimed, 0, 0)
    host_totals = (*held, 0, 0)
    balanced = closed and claimed == held and not host_only and not terminal_only
    return BatchSettled(
        0, T01, batch, closed, balanced, terminal_totals, host_totals, entries, host_only, terminal_only, repeated
    )  # fmt: skip


def up(
    message: int = 1,
    mti: str = "0200",
    stan: str = "000001",
    token: str = "1",
    batch: str = "000001",
    amount_fen: int | None = 1000,
    original_stan: str = "",
    code: str = "",
    processing_code: str = "000000",
) -> MessageSent:
    return MessageSent(0, T01, message, "up", mti, processing_code, stan, batch, amount_fen, token, code, original_stan)


def down(
    message: int = 2,
    mti: str = "0210",
    stan: str = "000001",
    code: str = "00",
    batch: str = "000001",
    altered: str = "",
    amount_fen: int = 1000,
    processing_code: str = "000000",
) -> MessageSent:
    return MessageSent(
        0, T01, message, "down", mti, processing_code, stan, batch, amount_fen, "", code, altered=altered
    )  # fmt: skip


def answered(message: int, mti: str = "0210", stan: str = "000001", code: str = "00") -> tuple[AnyEvent, ...]:
    """An answer that leaves the host and arrives."""
    return (down(message, mti, stan, code), arrives(message))


def uploads(*items: str, message: int = 3, stan: str = "000010") -> MessageSent:
    """A batch upload of the transactions with these trace numbers."""
    return MessageSent(0, T01, message, "up", "0320", "", stan, "000001", function="201", items=items)


def reversal(message: int = 50, stan: str = "000001", code: str = "98") -> MessageSent:
    """A reversal; ``code`` is its reason."""
    return up(message, "0400", stan, "", code=code)


def power_lost() -> PowerLost:
    return PowerLost(0, T01, "power_loss#1")


def comes_up(boot: int = 2) -> SoftwareReady:
    return SoftwareReady(0, T01, boot)


def arrives(message: int) -> MessageDelivered:
    return MessageDelivered(0, T01, message)


def image(acquirer: str = "snapshot") -> ImageLoaded:
    """The device begins on data from before the run."""
    return ImageLoaded(0, T01, "field data", acquirer)


def phase(name: str) -> PhaseStarted:
    return PhaseStarted(0, name)


def record(
    stan: str = "000001", amount_fen: int = 1000, state: str = "active", batch: str = "000001", kind: str = "sale"
) -> RecordSeen:
    return RecordSeen(stan, batch, kind, amount_fen, state)


def inspected(
    *records: RecordSeen, when: str = "quiescence", pending: tuple[str, ...] = (), damaged: int = 0, error: str = "",
    totals: tuple[int, int, int, int] | None = None,
) -> Inspected:  # fmt: skip
    return Inspected(0, T01, when, "000001", "000009", records, pending, damaged, False, error, totals)


def secret(
    kind: str = "track_data", where: str = "file", path: str = "/data/journal.0", when: str = "after_settlement",
    token: str = "1",
) -> SecretFound:  # fmt: skip
    """Card data of the presentation ``token`` where it should not be."""
    return SecretFound(0, T01, kind, where, path, 64, "622848******1234", token, when)


def sought(when: str = "after_settlement", found: int = 0) -> SecretsSought:
    """A search of the device for card data."""
    return SecretsSought(0, T01, when, 1, 4096, found)


def full_disk(errno: str = "ENOSPC") -> StorageFailed:
    """A storage call found no space."""
    return StorageFailed(0, T01, "write", "/data", errno, 7)


def space(free_bytes: int, when: str = "said_full") -> SpaceMeasured:
    """What the data volume has free."""
    return SpaceMeasured(0, T01, "data", free_bytes, 1_000_000, when)


def limited(records: int, *, grace: int = 0, full_below_bytes: int | None = None) -> Terms:
    """Software that declares how many records it takes."""
    manifest = Manifest(
        name="limited", max_transactions=records, grace_transactions=grace, full_below_bytes=full_below_bytes
    )
    return Terms({T01: manifest})


def ready(boot: int = 2) -> SoftwareReady:
    return SoftwareReady(0, T01, boot)


def paid_sale(number: int = 1, *, amount_fen: int = 1000, stan: str | None = None) -> tuple[AnyEvent, ...]:
    """A whole good sale: 7 events; intent, action, token and entry have the same ``number``."""
    return (
        intent(number, amount_fen),
        starts(number, intent=number, amount_fen=amount_fen),
        card(str(number), number, number),
        ledger(number, token=str(number), stan=stan or f"{number:06d}", amount_fen=amount_fen),
        screen(action=number),
        ends(number),
        leaves(number),
    )


def closes(*entries: int, batch: str = "000001", amount_fen: int = 1000) -> tuple[AnyEvent, ...]:
    """The host settles ``entries`` (sales of the same amount, tokens and STANs by number), all claimed by the terminal."""
    total = (len(entries), len(entries) * amount_fen)
    moves = tuple(
        ledger(
            each, "SETTLED", "APPROVED", token=str(each), stan=f"{each:06d}", amount_fen=amount_fen, batch=batch
        )
        for each in entries
    )  # fmt: skip
    return (*moves, settled(*entries, batch=batch, claimed=total, held=total))
