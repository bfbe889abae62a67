"""What can be wrong with a link: conditions, which strike, bite and are lifted.

Models: a path that carries nothing (partition, unplugged cable), one direction that loses messages for good (half-open,
up-loss), a path that is slow and lossy (congestion: TCP shows it as delay, or as a reset after too many retransmissions),
a connection reset in the middle of a message, and a host that cannot be found (wrong address, no name service).
Does not model: duplication or corruption, which TCP does not show (they belong to gateways and serial lines).

A partition loses what meets it. A real path that comes back within seconds would be ridden out by retransmission: that is
congestion with loss, not a partition. A connection that lost something is of no use after it: its next message is answered
with a reset, as by a translator that has forgotten it.

Half-open and up-loss spare handshakes. In the field a gateway or address translator near the terminal answers the handshake while
the way back behind it is dead; a terminal that connects anew for every transaction would never meet the fault otherwise.

A condition *bites* when a message, a handshake or a connection fares otherwise than it would have without it; when two
would have hit the same message, the one that struck first bites.
"""

import errno
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from harness.core.decisions import Decisions
from harness.network.kinds import RETRANSMISSIONS_MAX, LinkKind, losses, syn_lost_us
from harness.network.lane import Keys

if TYPE_CHECKING:
    from harness.network.link import Link

_NAME_FAILURE_US = 5_000_000  # resolv.conf(5): one try of the resolver takes 5 s


@dataclass(slots=True)
class Passage:
    """One message about to travel, and what conditions do to it: the last five fields are theirs to change."""

    device: str
    direction: str
    size_bytes: int
    serialisation_us: int
    kind: LinkKind
    keys: Keys
    decisions: Decisions
    drop: str = ""
    breaks_off: bool = False
    """The connection is reset when the message is half sent."""
    gives_up: bool = False
    """Every retransmission is lost: the connection is reset when the sender gives up."""
    extra_us: int = 0
    """More time on the line, in which nothing else is sent on it."""
    late_us: int = 0
    """More time somewhere behind the line, where others overtake it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A connect that fails with ``error`` after ``after_us``."""

    error: OSError
    after_us: int


class _Swallowed:
    """A handshake that nobody answers."""


SWALLOWED = _Swallowed()
ConnectVerdict: TypeAlias = Failure | _Swallowed | None


@dataclass(slots=True, eq=False)
class Condition:
    """The base of all conditions: counts bites; ``on_bite(device, evidence)`` is called for each."""

    reason: ClassVar[str] = ""
    """What ``MessageDropped.reason`` says of messages it loses."""
    loses: ClassVar[frozenset[str]] = frozenset()
    """Directions in which nothing passes while it lasts."""
    of_names: ClassVar[bool] = False
    """Whether it is about finding the host by its name, and nothing else."""

    bites: int = field(default=0, init=False)
    on_bite: Callable[[str, str], None] | None = field(default=None, init=False)

    def bite(self, device: str, evidence: str) -> None:
        """Count one effect."""
        self.bites += 1
        if self.on_bite is not None:
            self.on_bite(device, evidence)

    def struck(self, link: "Link") -> None:
        """It begins on this link: what is under way in the directions it loses is lost."""
        for direction in ("up", "down"):
            if direction in self.loses:
                for message in link.lose_in_flight(direction, self.reason):
                    self.bite(link.device, f"message {message} lost in flight ({self.reason})")

    def lifted(self, link: "Link") -> None:
        """It ends on this link."""

    def connect(self, link: "Link") -> ConnectVerdict:
        """What becomes of a handshake that starts or ends now; None: nothing."""
        return None

    def handshake_us(self, link: "Link") -> int:
        """How much longer a handshake takes that starts now."""
        return 0

    def lookup(self, link: "Link") -> bool:
        """Whether a question to the name service, which is near, is lost."""
        return False

    def round_trip(self, link: "Link") -> bool:
        """Whether what is no message, as a flight of a TLS handshake, or its answer, is lost between the device and the host."""
        if self.loses:
            self.bite(link.device, f"TLS handshake lost ({self.reason})")
        return bool(self.loses)

    def message(self, passage: Passage) -> None:
        """What becomes of a message that is sent now."""
        if passage.direction in self.loses:
            passage.drop = self.reason
            self.bite(passage.device, f"message {passage.direction} lost ({self.reason})")


@dataclass(slots=True, eq=False)
class Partition(Condition):
    """Nothing passes either way and nobody is told: connects time out, what is in flight is lost."""

    reason: ClassVar[str] = "partition"
    loses: ClassVar[frozenset[str]] = frozenset({"up", "down"})

    def connect(self, link: "Link") -> ConnectVerdict:
        self.bite(link.device, f"handshake unanswered ({self.reason})")
        return SWALLOWED

    def lookup(self, link: "Link") -> bool:
        self.bite(link.device, f"name not resolved ({self.reason})")
        return True


@dataclass(slots=True, eq=False)
class CableUnplugged(Condition):
    """The medium itself is gone and the device sees it: connects fail at once, and the software gets an event."""

    reason: ClassVar[str] = "unplugged"
    loses: ClassVar[frozenset[str]] = frozenset({"up", "down"})

    def struck(self, link: "Link") -> None:
        # Not super(): a dataclass with slots is a new class, which zero-argument super() does not know.
        Condition.struck(self, link)
        if link.cable_changed(False):
            self.bite(link.device, "cable event shown to the software")

    def lifted(self, link: "Link") -> None:
        if not link.conditions.any_of(CableUnplugged):
            link.cable_changed(True)

    def connect(self, link: "Link") -> ConnectVerdict:
        self.bite(link.device, f"connect failed ({self.reason})")
        if link.kind.senses_cable:
            return Failure(OSError(errno.ENETUNREACH, "Network is unreachable"), 0)
        return SWALLOWED

    def lookup(self, link: "Link") -> bool:
        self.bite(link.device, f"name not resolved ({self.reason})")
        return True


@dataclass(slots=True, eq=False)
class HalfOpen(Condition):
    """What the terminal sends arrives; what the host answers does not."""

    reason: ClassVar[str] = "half_open"
    loses: ClassVar[frozenset[str]] = frozenset({"down"})


@dataclass(slots=True, eq=False)
class UpLoss(Condition):
    """Each message to the host is lost for good with ``probability``; answers arrive."""

    probability: float = 1.0
    reason: ClassVar[str] = "up_loss"

    def round_trip(self, link: "Link") -> bool:
        key = link.current_keys().next("link.up_loss")
        lost = bool(link.decisions.integer(key, 0, lambda uniform: int(uniform < self.probability)))
        if lost:
            self.bite(link.device, f"TLS handshake lost ({self.reason})")
        return lost

    def message(self, passage: Passage) -> None:
        if passage.direction != "up":
            return
        key = passage.keys.next("link.up_loss")
        if passage.decisions.integer(key, 0, lambda uniform: int(uniform < self.probability)):
            passage.drop = self.reason
            self.bite(passage.device, f"message up lost ({self.reason})")


@dataclass(slots=True, eq=False)
class ResetMidMessage(Condition):
    """The connection is reset when the ``nth`` message since it struck is half sent; the far end never sees it whole.

    ``times`` is how often in all: with ``nth=3, times=2`` the third and the sixth message.
    """

    nth: int = 1
    direction: str = "up"
    times: int = 1
    _seen: int = field(default=0, init=False)

    def message(self, passage: Passage) -> None:
        if passage.direction != self.direction or self.bites >= self.times:
            return
        self._seen += 1
        if self._seen % self.nth == 0:
            passage.breaks_off = True
            self.bite(passage.device, f"connection reset in the middle of message {self.direction} {self._seen}")


@dataclass(slots=True, eq=False)
class Congestion(Condition):
    """The path is slow: ``latency_us`` more each way, ``bandwidth_share`` of the rate, ``loss`` of the packets."""

    latency_us: int = 0
    bandwidth_share: float = 1.0
    loss: float = 0.0

    def __post_init__(self) -> None:
        if not (self.latency_us >= 0 and 0 < self.bandwidth_share <= 1 and 0 <= self.loss < 1):
            raise ValueError("congestion needs latency_us >= 0, 0 < bandwidth_share <= 1 and 0 <= loss < 1")

    def handshake_us(self, link: "Link") -> int:
        extra_us = 2 * self.latency_us
        if self.loss:
            lost = 1 - (1 - self.loss) ** 2  # either way
            key = link.current_keys().next("link.connect.congested")
            times = link.decisions.integer(key, 0, lambda uniform: losses(uniform, lost)[0])
            extra_us += syn_lost_us(times)
        if extra_us:
            self.bite(link.device, f"handshake {extra_us} us late (congestion)")
        return extra_us

    def message(self, passage: Passage) -> None:
        extra_us = self.latency_us + round(passage.serialisation_us * (1 / self.bandwidth_share - 1))
        if self.loss:
            key = passage.keys.next(f"link.{passage.direction}.congested")
            times = passage.decisions.integer(key, 0, lambda uniform: losses(uniform, self.loss)[0])
            if times > RETRANSMISSIONS_MAX:
                passage.gives_up = True
                self.bite(passage.device, f"message {passage.direction} retransmitted until given up (congestion)")
                return
            extra_us += passage.kind.lost_us(times)
        if extra_us:
            passage.extra_us += extra_us
            self.bite(passage.device, f"message {passage.direction} {extra_us} us late (congestion)")


@dataclass(slots=True, eq=False)
class Garbled(Condition):
    """Each message, either way, is garbled with ``probability``; the line's own check then throws it away."""

    probability: float = 1.0
    reason: ClassVar[str] = "garbled"

    def message(self, passage: Passage) -> None:
        key = passage.keys.next(f"link.{passage.direction}.garbled")
        if passage.decisions.integer(key, 0, lambda uniform: int(uniform < self.probability)):
            passage.drop = self.reason
            self.bite(passage.device, f"message {passage.direction} lost ({self.reason})")


@dataclass(slots=True, eq=False)
class LooseConnection(Condition):
    """Each message, either way, breaks its connection off half-way with ``probability``."""

    probability: float = 1.0

    def message(self, passage: Passage) -> None:
        key = passage.keys.next(f"link.{passage.direction}.loose")
        if passage.decisions.integer(key, 0, lambda uniform: int(uniform < self.probability)):
            passage.breaks_off = True
            self.bite(passage.device, f"connection reset in the middle of message {passage.direction} (bad contact)")


@dataclass(slots=True, eq=False)
class LateReplies(Condition):
    """The next ``times`` messages from the host take ``late_us`` longer and are overtaken by what is sent after them."""

    late_us: int
    times: int = 1

    def message(self, passage: Passage) -> None:
        if passage.direction == "down" and self.bites < self.times:
            passage.late_us += self.late_us
            self.bite(passage.device, f"message down {self.late_us} us late (late reply)")


@dataclass(slots=True, eq=False)
class WrongAddress(Condition):
    """The terminal is set up with an address at which no acquirer listens: connects are refused."""

    def connect(self, link: "Link") -> ConnectVerdict:
        self.bite(link.device, "connect refused (wrong address)")
        refused = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
        return Failure(refused, link.kind.rtt_us_median)


@dataclass(slots=True, eq=False)
class NameFailure(Condition):
    """The host's name cannot be resolved: connects by name fail as getaddrinfo does, after the resolver's timeout."""

    of_names: ClassVar[bool] = True

    def connect(self, link: "Link") -> ConnectVerdict:
        self.bite(link.device, "host name not resolved")
        error = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return Failure(error, _NAME_FAILURE_US)

    def lookup(self, link: "Link") -> bool:
        self.bite(link.device, "host name not resolved")
        return True


class Conditions:
    """The conditions of one link, in the order in which they struck."""

    def __init__(self, link: "Link") -> None:
        self._link = link
        self.active: list[Condition] = []
        """To be read; a message of a link in good order asks for nothing but whether it is empty."""

    def add(self, condition: Condition) -> None:
        """The condition strikes this link."""
        self.active.append(condition)
        condition.struck(self._link)

    def remove(self, condition: Condition) -> None:
        """The condition is lifted; ValueError when it was not there."""
        self.active.remove(condition)
        condition.lifted(self._link)

    def __iter__(self) -> Iterator[Condition]:
        return iter(self.active)

    def __len__(self) -> int:
        return len(self.active)

    def any_of(self, kind: type[Condition]) -> bool:
        """Whether one of this kind is active."""
        return any(isinstance(condition, kind) for condition in self.active)

    def block(self, direction: str) -> bool:
        """Whether nothing at all passes in ``direction``."""
        return any(direction in condition.loses for condition in self.active)

    def connect(self, by_name: bool = True) -> ConnectVerdict:
        """The first verdict on a handshake, or None."""
        for condition in self.active:
            if condition.of_names and not by_name:
                continue
            verdict = condition.connect(self._link)
            if verdict is not None:
                return verdict
        return None

    def lookup(self) -> bool:
        """Whether a question to the name service is lost."""
        return any(condition.lookup(self._link) for condition in self.active)

    def round_trip(self) -> bool:
        """Whether a flight of a TLS handshake or its answer is lost."""
        return any(condition.round_trip(self._link) for condition in self.active)

    def message(self, passage: Passage) -> None:
        """Let each condition at the message until one has decided its fate."""
        for condition in self.active:
            condition.message(passage)
            if passage.drop or passage.breaks_off or passage.gives_up:
                return
