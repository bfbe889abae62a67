"""Failures of the link: a connection is reset at one call, or from one call on until it is lifted.

Models: a connect that is refused; a send whose connection breaks off with the message half sent, of which the software hears at
its next call; a receive whose answer breaks off half way, so that the host has done what was asked. For good: the connection is
gone before the call, which says so, and every later connect is refused, as by a gateway that has lost its route.
A receive that has not been answered is one call, however often the software looks.
Does not model: silence (a partition), a host that is slow; the random runs have those.
Source: RFC 9293 section 3.10.7 (reset processing), connect(2), send(2), recv(2); conditions as in ``network.conditions``.
"""

from __future__ import annotations

from typing import Any, ClassVar

from harness.engine.crashpoints.calls.failure import FAILURES, Failure, Manner
from harness.engine.crashpoints.calls.gate import Call, Proceed
from harness.history.events import Event, MessageDropped
from harness.network.conditions import Condition, ResetMidMessage, WrongAddress
from harness.network.connection import Connection


@FAILURES.register("reset")
class Reset(Failure):
    """The connection is reset at the call."""

    name: ClassVar[str] = "reset"
    summary: ClassVar[str] = "connect, send and receive"
    fault_once: ClassVar[str] = "link_reset"
    fault_for_good: ClassVar[str] = "link_down"
    manners: ClassVar[tuple[Manner, ...]] = (Manner(), Manner(for_good=True))
    # Power that goes after a lost message is what the crash points of a boot are about.
    _laid: tuple[Condition, ...] = ()
    _waiting: Connection | None = None
    """Whose receive has been counted and not been answered."""
    _hurt: Connection | None = None
    """The connection that the n-th call broke."""

    def counts(self, call: Call) -> bool:
        if call.room != "link":
            return False
        return not (call.name == "receive" and call.receiver is self._waiting)

    def guard(self, call: Call, proceed: Proceed) -> Any:
        if call.room != "link":
            return proceed()
        try:
            got = super().guard(call, proceed)
        except ConnectionError as error:
            self._waiting = None
            if self.struck and not self.over:
                self.bite(f"{call.name} raised {type(error).__name__}")
            raise
        if call.name == "receive":
            assert isinstance(call.receiver, Connection)
            self._waiting = call.receiver if got is None else None
        return got

    def fail(self, call: Call, proceed: Proceed) -> Any:
        if self.seen == self.nth:
            self.scene.tape.watch(MessageDropped, self._dropped)
        if self.manner.for_good:
            self._lay(WrongAddress())
        if call.name == "connect":
            return self._refuse(proceed)
        connection = call.receiver
        assert isinstance(connection, Connection)
        if self.manner.for_good or connection.state != "open":
            self._break(connection)
        elif call.name == "send":
            self._lay(ResetMidMessage(direction="up"))
        elif connection.inbox or connection.eof or connection.down.flights:
            self._break(connection)
        else:
            self._lay(ResetMidMessage(direction="down"))
        return proceed()

    def _refuse(self, proceed: Proceed) -> Any:
        conditions = self.scene.hardware.link.conditions
        if self.manner.for_good:
            return proceed()
        refuses = WrongAddress()
        refuses.on_bite = self._bitten
        conditions.add(refuses)
        try:
            return proceed()
        finally:
            conditions.remove(refuses)

    def _break(self, connection: Connection) -> None:
        if connection.state == "open":
            connection.broken(self.scene.env.event())

    def _lay(self, condition: Condition) -> None:
        """A condition that stays until this is lifted; a second of its kind adds nothing."""
        if any(type(each) is type(condition) for each in self._laid):
            return
        condition.on_bite = self._bitten
        self._laid = (*self._laid, condition)
        self.scene.hardware.link.conditions.add(condition)

    def _bitten(self, device: str, evidence: str) -> None:
        self.bite(evidence)

    def _dropped(self, _: int, event: Event) -> None:
        assert isinstance(event, MessageDropped)
        if event.reason == "reset":
            self.bite(f"message {event.message} was lost ({event.reason})")

    def lifted(self) -> None:
        if self.struck:
            self.scene.tape.unwatch(MessageDropped, self._dropped)
        for condition in self._laid:
            self.scene.hardware.link.conditions.remove(condition)
        self._laid = ()
