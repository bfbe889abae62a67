"""What a dialect is: a class that reads frames, carries them out at the bank and says what is in them."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

import msgspec

from harness.core.registry import Registry
from harness.host.bank import Bank
from harness.host.dialects.rules import DialectRules
from harness.host.knobs import Knobs
from harness.host.session import KeyFactory, Session
from harness.iso8583.frame import split_frames


class MessageHeader(msgspec.Struct, frozen=True):
    """What a history says of one message; the names are those of ``MessageSent``. No card number is in it.

    ``function`` is the network management code (DE60.3 in UnionPay). A message that cannot be read has ``error``;
    one in which a fault made something wrong says in ``altered`` what. Processing codes of transactions are UnionPay's words
    (``000000`` a sale, ``200000`` a void or refund), whatever a dialect sends: checks and scenarios know one set of words.
    """

    mti: str = ""
    processing_code: str = ""
    stan: str = ""
    batch: str = ""
    tid: str = ""
    amount_fen: int | None = None
    token: str = ""
    response_code: str = ""
    original_stan: str = ""
    function: str = ""
    size_bytes: int = 0
    error: str = ""
    altered: str = ""
    items: tuple[str, ...] = ()
    """Trace numbers of the transactions in a batch upload."""
    order: str = ""


class Dialect(ABC):
    """The rules of one host interface. Frames are whole, with their length; nothing here raises for what is in them."""

    base_rules: ClassVar[DialectRules | None] = None
    """What a dialect file may change; None: nothing."""
    split_frames: Callable[[bytes], tuple[list[bytes], bytes]] = staticmethod(split_frames)
    """The whole frames at the start of what came over the line, and the rest; ValueError when framing is lost."""

    def __init__(self, bank: Bank, key_factory: KeyFactory, start_date: date) -> None:
        self.bank = bank
        self.key_factory = key_factory
        self.start_date = start_date

    def share_reading(self, other: "Dialect") -> None:  # noqa: B027 - not to share is right, too
        """Know what ``other`` has read, and let it know what is read here: a frame says the same to all."""

    @abstractmethod
    def describe(self, frame: bytes) -> MessageHeader:
        """What is in a frame of either direction."""

    @abstractmethod
    def answer(self, frame: bytes, session: Session, knobs: Knobs, at_us: int) -> bytes | None:
        """Carry out a registered terminal's request; the answer, or None for silence."""

    @abstractmethod
    def answer_stranger(self, frame: bytes, at_us: int) -> bytes | None:
        """The answer to a frame of an unknown terminal or to one that cannot be read, or None for silence."""

    @abstractmethod
    def answer_busy(self, frame: bytes, session: Session, at_us: int) -> bytes | None:
        """The answer of a host too busy to carry out the request, or None for silence."""


DIALECTS: Registry[type[Dialect]] = Registry("dialect")


@dataclass(frozen=True, slots=True)
class DialectChoice:
    """The dialect of one run's host: a class, and with a dialect file the rules that it gives."""

    name: str
    cls: type[Dialect]
    rules: DialectRules | None = None

    @classmethod
    def named(cls, name: str) -> "DialectChoice":
        """A built-in dialect; UsageError naming the nearest."""
        return cls(name, DIALECTS.get(name))

    def make(self, bank: Bank, key_factory: KeyFactory, start_date: date) -> Dialect:
        """The dialect at work."""
        made: Callable[..., Dialect] = self.cls
        if self.rules is None:
            return made(bank, key_factory, start_date)
        bank.refund_repeat = self.rules.refund_repeat
        bank.undetermined_codes = self.rules.undecided(bank.undetermined_codes)
        return made(bank, key_factory, start_date, self.rules)
