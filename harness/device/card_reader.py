"""The card reader: where a customer's card meets the software.

Models: a reader that tells the customer when it wants a card (``requested``), a card that stays in reach for 1.5 s (a tap;
assumption) whether or not anybody asked for it, half a second to read it (assumption: contactless EMV up to 500 ms), and
reads that fail; a chip that answers twice, 0.3 s each (assumption), unless the card was taken out. Does not model: the rest
of the dialogue with the chip, collision of two cards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.contract import CardData, CardGone, CardReadError, CardTimeout, Cryptogram
from harness.core.decisions import Decisions
from harness.device.checks import timeout_us
from harness.device.chip import Chip
from harness.device.condition import DeviceCondition
from harness.device.scope import Scope
from harness.device.session import Session
from harness.history.events import CardDecided
from harness.network.lane import Keys

if TYPE_CHECKING:
    import simpy

READ_US = 500_000
CRYPTOGRAM_US = 300_000
IN_REACH_US = 1_500_000
AMOUNT_FEN_LIMIT = 10**12


@dataclass(slots=True, eq=False)
class ReadFailures(DeviceCondition):
    """Each read fails with ``probability``: a dirty contact, a worn stripe, interference (1.0: the reader is broken)."""

    decision: ClassVar[str] = "card.read_fails"
    probability: float = 1.0


class CardReader:
    """The reader itself, as customers and faults meet it."""

    def __init__(self, env: simpy.Environment, device: str) -> None:
        self.requested: simpy.Event = env.event()
        """Happens when the software asks for a card; a new event stands here once that request is over."""
        self.conditions: list[ReadFailures] = []
        self._env = env
        self._device = device
        self._waiting: simpy.Event | None = None
        self._in_reach: CardData | None = None
        self._in_reach_until_us = 0
        self.chip: Chip | None = None
        """That of the card shown last."""

    def present(self, card: CardData, chip: Chip | None = None) -> bool:
        """A customer shows a card. True when a read was waiting for it; else it stays in reach for a moment."""
        self._in_reach, self.chip = card, chip
        self._in_reach_until_us = int(self._env.now) + IN_REACH_US
        if self._waiting is None or self._waiting.triggered:
            return False
        self._waiting.succeed()
        return True

    def take(self) -> CardData | None:
        """The card in reach, which is read once; None when there is none."""
        card, self._in_reach = self._in_reach, None
        return card if card is not None and self._env.now <= self._in_reach_until_us else None

    def ask(self) -> simpy.Event:
        """The software wants a card: tell the customer, and return the event of its coming."""
        self._waiting = self._env.event()
        if not self.requested.triggered:
            self.requested.succeed()
        return self._waiting

    def request_over(self) -> None:
        """A request ended: with a card, without one, or with the software."""
        self._waiting = None
        if self.requested.triggered:
            self.requested = self._env.event()

    def power_lost(self) -> None:
        """Nothing is asked for any more, and no card is in reach when power comes back."""
        self._in_reach = self.chip = None
        self.request_over()

    def read_fails(self, keys: Keys, decisions: Decisions) -> bool:
        """Whether one of the conditions spoils this read."""
        for condition in self.conditions:
            key = keys.next(condition.decision)
            if decisions.integer(key, 0, lambda uniform, most=condition.probability: int(uniform < most)):  # type: ignore[misc]
                condition.bite(self._device, "card could not be read")
                return True
        return False


class CardReaderPort:
    """The reader as one boot's software holds it."""

    def __init__(self, session: Session, reader: CardReader, scope: Scope, decisions: Decisions) -> None:
        self._session = session
        self._reader = reader
        self._scope = scope
        self._decisions = decisions
        self._chip: Chip | None = None
        """That of the card read last."""
        self._asked_fen: int | None = None

    def read(self, timeout_s: float = 60.0) -> CardData:
        """Wait for a card and read it. Raises CardTimeout or CardReadError."""
        session, reader = self._session, self._reader
        if session.dead:
            session.check()
        patience_us = timeout_us(timeout_s, "card.read")
        card = reader.take()
        if card is None:
            # Nothing in a ``finally`` here: software that is unwound by power loss must not touch the reader any more.
            session.cpu.wait(reader.ask(), patience_us)
            if session.dead:
                session.check()
            card = reader.take()
            reader.request_over()
            if card is None:
                raise CardTimeout("no card was shown in time")
        session.cpu.sleep(READ_US)
        if session.dead:
            session.check()
        if reader.conditions and reader.read_fails(self._scope.current(), self._decisions):
            raise CardReadError("the card could not be read")
        session.secrets.card_read(card)
        self._chip, self._asked_fen = reader.chip, None
        return card

    def first_cryptogram(self, amount_fen: int, *, offline: bool = False) -> Cryptogram:
        """The chip's first word on a sale; see the contract."""
        if self._session.dead:
            self._session.check()
        if type(amount_fen) is not int or not 0 <= amount_fen < AMOUNT_FEN_LIMIT:
            self._session.breach("card.first_cryptogram: the amount is a number of fen")
        if self._chip is None:
            raise CardReadError("the card has no chip")
        self._asked_fen = amount_fen
        return self._ask(self._chip, "first", amount_fen, self._chip.first(amount_fen, offline=bool(offline)))

    def second_cryptogram(self, response_code: str) -> Cryptogram:
        """The chip's last word; see the contract."""
        if self._session.dead:
            self._session.check()
        if self._chip is None or self._asked_fen is None:
            raise CardReadError("the card was not asked for a first cryptogram")
        amount_fen, self._asked_fen = self._asked_fen, None
        return self._ask(self._chip, "second", amount_fen, self._chip.second(amount_fen, str(response_code)))

    def _ask(self, chip: Chip, step: str, amount_fen: int, answer: Cryptogram | None) -> Cryptogram:
        session = self._session
        session.cpu.sleep(CRYPTOGRAM_US)
        if session.dead:
            session.check()
        told = "removed" if answer is None else answer.kind
        session.emit(CardDecided(session.now_us, session.device, session.action, chip.token, step, told, amount_fen))
        if answer is None:
            raise CardGone("the card was taken out")
        return answer
