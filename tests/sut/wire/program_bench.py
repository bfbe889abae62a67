"""A program on a device of the harness: its lines over real pipes, its host over a loopback socket, its files in a directory.

Virtual time goes on while the program waits for an answer, and stands while it works: enough for programs of one thread.
"""

from __future__ import annotations

import select
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import greenlet

from harness.contract import Action, ActionRequested, CardData, Outcome
from harness.core.errors import SoftwareError
from harness.device import DeviceFacade
from harness.device.facade import StationCallbacks
from harness.device.session import NoPower
from harness.device.text_map import NO_MAP, map_of
from harness.history.events import ReceiptPrinted, ScreenShown
from harness.host.acquirer import Acquirer
from harness.iso8583 import unionpay
from harness.sut.wire import Wire
from harness.sut.wire.manifest_file import Declared
from tests.device.conftest import MASTER_KEY, Bench

PATIENCE_S = 30
CARD = CardData("6222020000000008", "3012", "6222020000000008=301220112345678901")


class Killed(Exception):
    """The program was killed, as ``dies_after`` says."""


class LoopbackHost:
    """The acquirer behind a socket; ``silent`` swallows so many answers."""

    def __init__(self, acquirer: Acquirer) -> None:
        self.acquirer = acquirer
        self.silent = 0
        self.hangs_up = False
        """After each answer: who does not take it need not wait for another."""
        self.requests: list[str] = []
        self.doubts: list[str] = []
        """Why each reversal was sent, as it says."""
        self._now_us = 36_000_000_000
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE_S)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            with line:
                buffer = b""
                while data := line.recv(4096):
                    frames, buffer = unionpay.split_frames(buffer + data)
                    if not all(self._answer(line, frame) for frame in frames):
                        break

    def _answer(self, line: socket.socket, frame: bytes) -> bool:
        self._now_us += 1_000_000
        message = unionpay.unpack(frame).message
        self.requests.append(message.mti)
        if message.mti == "0400":
            self.doubts.append(message.text(39))
        reply = self.acquirer.handle(frame, self._now_us).frame
        if self.silent:
            self.silent -= 1
            return False
        line.sendall(reply or b"")
        return not self.hangs_up


class ProgramBench(Bench):
    """``boot`` starts a program, ``boot_class`` a terminal class in this process; both can be asked for actions."""

    def __init__(self, place: Path, declared: Declared | None = None) -> None:
        super().__init__()
        acquirer = Acquirer("unionpay", self.recorder, b"program bench")
        acquirer.register_terminal(self.hardware.tid, self.hardware.mid, "T01", MASTER_KEY)
        self.host = LoopbackHost(acquirer)
        self.data = place / "data"
        self.data.mkdir()
        self.place = place
        self.texts = NO_MAP if declared is None else map_of(declared.manifest)
        self.text = None if declared is None else declared.text
        self.program: subprocess.Popen[bytes] | None = None
        self.wire: Wire | None = None
        self.breaches: list[str] = []
        self.dies_after: int | None = None
        """After so many requests more the program is killed, before any of them is answered."""
        self.numbers = 0
        self.seen: list[object] = []
        for kind in (ScreenShown, ReceiptPrinted):
            self.recorder.watch(kind, lambda _, event: self.seen.append(event))
        self.start(lambda facade: None)
        self.env.run()

    def __enter__(self) -> ProgramBench:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.host.close()

    # ------------------------------------------------------------ booting

    def _facade(self) -> DeviceFacade:
        callbacks = StationCallbacks(self._ready, self._ended, self._reboot, self.violations.append)
        facade = self.hardware.boot(self.cpu, callbacks, NoPower, self.texts)
        facade.host_address = self.host.address
        facade.volumes = {"data": str(self.data)}
        return facade

    def boot_class(self, cls: type) -> None:
        facade = self._facade()
        self.spawn(lambda: cls(facade).run())
        self.until(lambda: facade.waiting)

    def boot(self, command: list[str]) -> None:
        self.errors = open(self.place / "stderr", "ab")  # noqa: SIM115 - closed with the program
        self.program = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, bufsize=0, cwd=self.place
        )
        facade = self._facade()
        self.wire = Wire(
            facade,
            self._send,
            self.spawn,
            violated=self.breaches.append,
            log=lambda _: None,
            settle=self._settle,
            text=self.text,
        )
        self.wire.start()
        self.until(lambda: facade.waiting)

    def kill(self) -> None:
        """The program dies as at a crash; its files stay."""
        if self.program is not None:
            self.program.kill()
            self.program.wait()
            self.program.stdin.close()
            self.program.stdout.close()
            self.errors.close()
            self.wire.close()
            self.program = self.wire = None
        self.hardware.process_died()

    def _send(self, data: bytes) -> None:
        try:
            self.program.stdin.write(data)
        except BrokenPipeError:
            pass  # its end of stdout says so, too

    def _settle(self) -> None:
        if self.cpu.owed_us:
            self.cpu.sleep(0)

    def spawn(self, body: Callable[[], None]) -> None:
        fiber = greenlet.greenlet(body)
        self.env.timeout(0).callbacks.append(lambda _: self._switch(fiber))

    def _switch(self, fiber: greenlet.greenlet) -> None:
        fiber.parent = greenlet.getcurrent()
        fiber.switch()

    # ------------------------------------------------------------ the world

    def until(self, reached: Callable[[], bool]) -> None:
        """Let the program work and time pass."""
        while not reached() and not self.breaches and not self.violations:
            if self.wire is None or self.wire.under_way or self._is_due():
                self.env.step()
            else:
                self._read()

    def _is_due(self) -> bool:
        """Whether time must pass before the program goes on: one of lines of text has nothing under way while it waits."""
        return self.env.peek() <= (self.env.now if self.text is None else self.env.now + 2_000_000)

    def _read(self) -> None:
        poll = select.poll()  # select(2) knows no descriptor above 1,023
        poll.register(self.program.stdout, select.POLLIN)
        ready = poll.poll(PATIENCE_S * 1000)
        data = self.program.stdout.read(65536) if ready else b""
        if not data:
            said = (self.place / "stderr").read_text("utf-8", "replace")[-2000:]
            raise SoftwareError(f"the program {'has ended' if ready else 'hangs'}: {said}")
        if self.dies_after is not None:
            self.dies_after -= data.count(b"\n")
            if self.dies_after <= 0:
                self.dies_after = None
                raise Killed
        self.wire.feed(data)

    def act(self, kind: str, amount_fen: int = 0, card: CardData | None = CARD, **words: str) -> Outcome:
        """An operator's action, with a card shown when it is asked for; how it ended."""
        self.numbers += 1
        ended = len(self.finished)
        facade, reader = self.hardware.facade, self.hardware.card_reader
        facade.post(ActionRequested(Action(self.numbers, kind, amount_fen, **words)))

        def over() -> bool:
            nonlocal card
            if card is not None and reader.requested.triggered:
                self.hardware.present_card(card)
                card = None
            return len(self.finished) > ended and facade.waiting

        self.until(over)
        assert not self.breaches and not self.violations, (self.breaches, self.violations)
        return self.finished[-1][1]

    def shown(self) -> list[tuple[object, ...]]:
        """Screens and slips without their times."""
        return [tuple(getattr(each, name) for name in each.__struct_fields__[1:]) for each in self.seen]

    def ledger(self) -> list[tuple[object, ...]]:
        return [
            (entry.batch, entry.stan, entry.kind, entry.amount_fen, entry.state)
            for entry in self.host.acquirer.bank.ledger.state.entries
        ]
