"""One boot's hold on the hardware: who may call, which action is under way, and the end of it all.

Every port that software holds belongs to a session. When power or the software dies the session is dead, for ever: each
further call raises ``dead_error`` before it does anything, so nothing is shown, printed, sent or recorded by the dead.
"""

from collections.abc import Callable, Iterable
from typing import NoReturn, TypeVar

from harness.contract import Action
from harness.core.errors import SoftwareError
from harness.device.cpu import Cpu
from harness.device.secrets import Found, Secrets
from harness.device.text_map import NO_MAP, Readable
from harness.history.events import Event, SecretFound
from harness.history.recorder import Recorder

T = TypeVar("T")


class ContractViolation(SoftwareError):
    """The software handed the device something that the contract does not allow."""


class NoPower(BaseException):
    """The default of ``dead_error``: no ``except Exception`` of the software sees it."""


class Session:
    """``cpu`` is how the software of this boot waits."""

    def __init__(self, device: str, cpu: Cpu, recorder: Recorder) -> None:
        self.device = device
        self.cpu = cpu
        self.dead = False
        self.dead_error: type[BaseException] = NoPower
        self.open_actions: dict[int, Action] = {}
        self.last_action: int | None = None
        self.secrets = Secrets()
        self.texts = NO_MAP
        self.screens, self.slips = Readable(), Readable()
        self.violated: Callable[[str], None] | None = None
        """Told of each breach of the contract, for the software may swallow the exception."""
        self._recorder = recorder

    @property
    def now_us(self) -> int:
        """Virtual time."""
        return int(self.cpu.env._now)

    @property
    def action(self) -> int | None:
        """The action under way: the one handed over last that has not been ended."""
        opened = self.open_actions
        return next(reversed(opened)) if opened else None

    def check(self) -> None:
        """Raise when this boot is over."""
        if self.dead:
            raise self.dead_error(f"{self.device}: this boot of the software is over")

    def emit(self, event: Event) -> None:
        """Record what the software did; the dead do nothing."""
        if self.dead:
            self.check()
        self._recorder.emit(event)

    def exposed(self, where: str, found: Iterable[Found]) -> None:
        """Record card data that stood in something the software showed or printed."""
        for each in found:
            self.emit(
                SecretFound(self.now_us, self.device, each.kind, where, "", each.offset, each.pan, each.token, "shown")
            )

    def accept(self, check: Callable[[object], T], value: object) -> T:
        """What ``check`` makes of something that the software handed over; a breach is told before it is raised."""
        try:
            return check(value)
        except ContractViolation as breach:
            if self.violated is not None:
                self.violated(str(breach))
            raise

    def breach(self, detail: str) -> NoReturn:
        """Tell and raise a breach of the contract."""
        if self.violated is not None:
            self.violated(detail)
        raise ContractViolation(detail)
