"""What the link needs of the rooms beside and above it: a host that answers, framing, and a reader of messages."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from harness.network.connection import Connection


class MessageHeader(Protocol):
    """The fields of a message that the history shows; the names are those of ``history.events.MessageSent``."""

    @property
    def mti(self) -> str: ...
    @property
    def processing_code(self) -> str: ...
    @property
    def stan(self) -> str: ...
    @property
    def batch(self) -> str: ...
    @property
    def amount_fen(self) -> int | None: ...
    @property
    def token(self) -> str: ...
    @property
    def response_code(self) -> str: ...
    @property
    def original_stan(self) -> str: ...
    @property
    def function(self) -> str: ...
    @property
    def error(self) -> str: ...
    @property
    def altered(self) -> str: ...
    @property
    def items(self) -> tuple[str, ...]: ...

    @property
    def order(self) -> str: ...


class HostEndpoint(Protocol):
    """The acquirer's side of every link."""

    @property
    def listening(self) -> bool:
        """Whether it takes new connections; if not, they are refused."""

    def receive(self, connection: "Connection", frame: bytes, message: int) -> None:
        """A whole message arrived. What comes of it, now or later, is ``connection.reply(frame)``, or
        ``connection.leave_unanswered(message, why)``.
        """


Describe: TypeAlias = Callable[[bytes], MessageHeader]
"""Reads a frame for the history; never raises."""

Split: TypeAlias = Callable[[bytes], tuple[list[bytes], bytes]]
"""Complete frames at the start of a byte stream and what is left; ValueError when framing is lost."""

Scope: TypeAlias = Callable[[], str]
"""What the device is doing, as the first part of decision keys: ``T03/a17``. A scope once left never comes back."""
