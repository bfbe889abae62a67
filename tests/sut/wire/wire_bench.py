"""One device whose software is a wire: tests write what a program would write, and see what it would read."""

from __future__ import annotations

import json
from collections.abc import Callable

import greenlet

from harness.device.facade import StationCallbacks
from harness.device.session import NoPower
from harness.device.text_map import NO_MAP, TextMap
from harness.sut.wire import Wire
from harness.sut.wire.text import TextLines
from tests.device.conftest import Bench


class WireBench(Bench):
    """``answers`` are the lines sent to the program, ``breaches`` what it did wrong."""

    def __init__(self, text: TextLines | None = None, texts: TextMap = NO_MAP, **spec: object) -> None:
        super().__init__(**spec)
        self.sent = bytearray()
        self.breaches: list[str] = []
        self.logged: list[str] = []
        self.start(lambda facade: None)
        self.env.run()
        facade = self.hardware.boot(
            self.cpu, StationCallbacks(self._ready, self._ended, self._reboot, self.violations.append), NoPower, texts
        )
        self.wire = Wire(
            facade,
            self.sent.extend,
            self.spawn,
            violated=self.breaches.append,
            log=self.logged.append,
            settle=lambda: self.cpu.sleep(0) if self.cpu.owed_us else None,
            text=text,
        )

    def spawn(self, body: Callable[[], None]) -> None:
        fiber = greenlet.greenlet(body)
        self.env.timeout(0).callbacks.append(lambda _: self._switch(fiber))

    def _switch(self, fiber: greenlet.greenlet) -> None:
        fiber.parent = greenlet.getcurrent()
        fiber.switch()

    def ask(self, number: int, call: str, **words: object) -> None:
        self.wire.feed(json.dumps({"id": number, "call": call, **words}).encode() + b"\n")

    def run_for(self, seconds: float) -> None:
        self.env.run(until=self.env.now + round(seconds * 1_000_000))

    def answers(self) -> list[dict]:
        """What was sent since this was last asked."""
        lines = bytes(self.sent).splitlines()
        self.sent.clear()
        return [json.loads(line) for line in lines]

    def answer(self, number: int, call: str, seconds: float = 10, **words: object) -> dict:
        """The one answer to one request."""
        self.ask(number, call, **words)
        self.run_for(seconds)
        (found,) = self.answers()
        assert found["id"] == number
        return found
