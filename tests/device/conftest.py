"""A device with real parts, and software that blocks in virtual time on a greenlet."""

import io
import itertools
from collections.abc import Callable

import greenlet
import msgspec
import pytest
import simpy

from harness.contract import Action, ActionRequested, CardData, Outcome
from harness.core.decisions import Decisions, Value
from harness.core.streams import Streams
from harness.device import DeviceFacade, DeviceSpec, Hardware, StationCallbacks, Surroundings, VolumeSpec
from harness.history.codec import decode_line
from harness.history.events import Event
from harness.history.recorder import Recorder

MASTER_KEY = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")


class PowerGone(BaseException):
    pass


class Header(msgspec.Struct, frozen=True):
    mti: str = ""
    processing_code: str = ""
    stan: str = ""
    batch: str = ""
    amount_fen: int | None = None
    token: str = ""
    response_code: str = ""
    original_stan: str = ""
    function: str = ""
    error: str = ""


class Echo:
    listening = True

    def receive(self, connection, frame, message) -> None:
        connection.reply(frame)


class GreenletCpu:
    """Runs one function as the software of a device; unwinds it when told to."""

    def __init__(self, env: simpy.Environment, software: Callable[[], object]) -> None:
        self.env = env
        self.error: BaseException | None = None
        self.result: object = None
        self.owed_us = 0
        self._hub = greenlet.getcurrent()
        self._body = greenlet.greenlet(self._main)
        self._software = software
        env.timeout(0).callbacks.append(lambda _: self._body.switch())

    def _main(self) -> None:
        try:
            self.result = self._software()
        except BaseException as error:
            self.error = error

    @property
    def finished(self) -> bool:
        return self._body.dead

    def unwind(self, error: BaseException) -> None:
        if self._body and not self._body.dead:
            self._body.parent = greenlet.getcurrent()
            self._body.throw(error)

    def spend(self, duration_us: int) -> None:
        self.owed_us += duration_us

    def sleep(self, duration_us: int) -> None:
        duration_us, self.owed_us = duration_us + self.owed_us, 0
        self._block(self.env.timeout(duration_us))

    def wait(self, event: simpy.Event, timeout_us: int | None = None) -> bool:
        if self.owed_us:
            self.sleep(0)
        if event.processed:
            return True
        either = event if timeout_us is None else self.env.any_of([event, self.env.timeout(timeout_us)])
        self._block(either)
        return event.triggered

    def _block(self, event: simpy.Event) -> None:
        body = greenlet.getcurrent()
        event.callbacks.append(lambda _: None if body.dead else self._wake(body))
        self._hub = body.parent
        self._hub.switch()

    def _wake(self, body: greenlet.greenlet) -> None:
        body.parent = greenlet.getcurrent()
        body.switch()


class Bench:
    """One device and whatever software the test gives it."""

    def __init__(self, seed: int = 7, pinned: dict[str, Value] | None = None, **spec: object) -> None:
        self.env = simpy.Environment(0)
        self.sink = io.BytesIO()
        self.recorder = Recorder(self.sink)
        self.spill = io.StringIO()
        self.decisions = Decisions(Streams(seed), pinned=pinned, spill=self.spill)
        around = Surroundings(
            self.env, self.decisions, self.recorder, Echo(), lambda stream: ([stream] if stream else [], b""),
            lambda frame: Header(), itertools.count().__next__, start_us=1_790_000_000_000_000,
        )  # fmt: skip
        volumes = (VolumeSpec("data", "/data", 65536),)
        self.hardware = Hardware.build(
            DeviceSpec("T01", "10000001", "123456789012345", **({"volumes": volumes} | spec)), around, MASTER_KEY
        )
        self.finished: list[tuple[Action, Outcome]] = []
        self.violations: list[str] = []
        self.ready_count = 0
        self.reboots = 0
        self.cpu: GreenletCpu | None = None
        self.hardware.power_on()

    def start(self, software: Callable[[DeviceFacade], object]) -> DeviceFacade:
        """Boot software; it runs once the environment does."""
        self.cpu = GreenletCpu(self.env, lambda: software(facade))
        facade = self.hardware.boot(
            self.cpu, StationCallbacks(self._ready, self._ended, self._reboot, self.violations.append), PowerGone
        )
        return facade

    def run(self, software: Callable[[DeviceFacade], object]) -> object:
        """Boot software, run it to its end, and return or raise what it did."""
        self.start(software)
        self.env.run()
        assert self.cpu is not None and self.cpu.finished, "the software still waits"
        if self.cpu.error is not None:
            raise self.cpu.error
        return self.cpu.result

    def request(self, number: int, kind: str = "sale") -> None:
        self.hardware.facade.post(ActionRequested(Action(number, kind)))

    def power_cut(self) -> None:
        cpu, self.cpu = self.cpu, None
        self.hardware.power_lost()
        if cpu is not None:
            cpu.unwind(PowerGone())

    def _ready(self) -> None:
        self.ready_count += 1

    def _ended(self, action: Action, outcome: Outcome) -> None:
        self.finished.append((action, outcome))

    def _reboot(self) -> None:
        self.reboots += 1
        self.hardware.process_died()

    def events(self, kind: type[Event] = Event) -> list[Event]:
        self.recorder.close()
        return [event for event in map(decode_line, self.sink.getvalue().splitlines()) if isinstance(event, kind)]


@pytest.fixture(scope="session")
def bench() -> type[Bench]:
    return Bench


@pytest.fixture(scope="session")
def power_gone() -> type[BaseException]:
    return PowerGone


@pytest.fixture(scope="session")
def master_key() -> bytes:
    return MASTER_KEY


@pytest.fixture
def card() -> CardData:
    return CardData("6250941006528599", "3012", "6250941006528599=301220112345678901")
