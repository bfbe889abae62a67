"""Runs a Python terminal as a program of its own: ``python -m harness.contract.stdio SPEC``, over lines on stdin and stdout.

SPEC is ``package.module:Class`` or ``path/to/file.py:Class``; the class may be left out where there is one alone. The same class
runs in the harness and here without a change; here its files, sockets and clocks are those of the process. With ``--manifest`` or
``--inspect DIR`` it answers that instead of running. The protocol's reference is ``harness.sut.wire``.

Models: ``contract.Device`` for one thread or several. What the terminal prints goes to stderr: stdout belongs to the protocol.
Does not model: the checks of what is handed over; those are the harness's, at the other end.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, NoReturn

from harness.contract import (
    Action,
    ActionRequested,
    CableChanged,
    CardData,
    CardGone,
    CardPresented,
    CardReadError,
    CardRemoved,
    CardTimeout,
    Cryptogram,
    DeviceError,
    Event,
    Inspection,
    KeyPressed,
    Outcome,
    PaperChanged,
    PaperOut,
    PinPadError,
    Receipt,
    Screen,
)

_ERRORS: Mapping[str, type[DeviceError]] = {
    "card_timeout": CardTimeout,
    "card_unreadable": CardReadError,
    "card_gone": CardGone,
    "out_of_paper": PaperOut,
    "pin_pad": PinPadError,
}
_USAGE = "usage: python -m harness.contract.stdio SPEC [--manifest | --inspect DIR]"


class Line:
    """Requests out, answers in. Of threads that wait, one reads, and wakes the one that an answer is for."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._file = os.fdopen(read_fd, "rb", closefd=False)
        self._write_fd = write_fd
        self._changed = threading.Condition()
        self._answers: dict[int, dict[str, Any]] = {}
        self._number = 0
        self._is_reading = False

    def read(self) -> dict[str, Any]:
        """The next line; without one, the harness is gone."""
        line = self._file.readline()
        if not line:
            raise SystemExit("stdin has ended")
        found: dict[str, Any] = json.loads(line)
        return found

    def ask(self, call: str, **words: Any) -> dict[str, Any]:
        """What the harness answers; raises the DeviceError that it tells."""
        with self._changed:
            self._number += 1
            number = self._number
            line = json.dumps({"id": number, "call": call, **words}, separators=(",", ":")).encode() + b"\n"
            while line:
                line = line[os.write(self._write_fd, line) :]
            while number not in self._answers:
                self._wait()
            answer = self._answers.pop(number)
        error = answer.get("error")
        if error is not None:
            raise _ERRORS.get(error["kind"], DeviceError)(error["text"])
        found: dict[str, Any] = answer["ok"]
        return found

    def _wait(self) -> None:
        if self._is_reading:
            self._changed.wait()
            return
        self._is_reading = True
        self._changed.release()
        try:
            answer = self.read()
        finally:
            self._changed.acquire()
            self._is_reading = False
            self._changed.notify_all()
        self._answers[answer["id"]] = answer


class _Display:
    def __init__(self, line: Line, encoding: str) -> None:
        self._line = line
        self._encoding = encoding
        self.current: Screen | None = None

    def show(self, screen: Screen) -> None:
        words = {name: value for name, value in asdict(screen).items() if value is not None and name != "kind"}
        said = self._line.ask("show", screen=screen.kind, **words)
        self.current = screen if said["screen"] == screen.kind else replace(screen, kind=said["screen"])

    def write(self, data: bytes) -> None:
        said = self._line.ask("show_bytes", data=data.hex())
        self.current = Screen(said["screen"], data.decode(self._encoding, "replace"))


class _Printer:
    def __init__(self, line: Line) -> None:
        self._line = line

    def print(self, receipt: Receipt) -> None:
        words = {name: value for name, value in asdict(receipt).items() if value is not None and name != "kind"}
        self._line.ask("print", receipt=receipt.kind, **words)

    def write(self, data: bytes) -> None:
        self._line.ask("print_bytes", data=data.hex())

    def has_paper(self) -> bool:
        return bool(self._line.ask("has_paper")["paper"])


class _CardReader:
    def __init__(self, line: Line) -> None:
        self._line = line

    def read(self, timeout_s: float = 60.0) -> CardData:
        found = self._line.ask("read_card", timeout_s=timeout_s)
        return CardData(**{**found, "emv_data": bytes.fromhex(found["emv_data"])})

    def first_cryptogram(self, amount_fen: int, *, offline: bool = False) -> Cryptogram:
        return self._cryptogram(self._line.ask("first_cryptogram", amount_fen=amount_fen, offline=offline))

    def second_cryptogram(self, response_code: str) -> Cryptogram:
        return self._cryptogram(self._line.ask("second_cryptogram", response_code=response_code))

    def _cryptogram(self, found: dict[str, Any]) -> Cryptogram:
        return Cryptogram(found["kind"], bytes.fromhex(found["data"]))


class _PinPad:
    def __init__(self, line: Line) -> None:
        self._line = line

    def load_key(self, slot: str, encrypted_key: bytes, check_value: bytes) -> None:
        self._line.ask("load_key", slot=slot, key=encrypted_key.hex(), check=check_value.hex())

    def has_key(self, slot: str) -> bool:
        return bool(self._line.ask("has_key", slot=slot)["loaded"])

    def mac(self, data: bytes) -> bytes:
        return self._data("mac", data=data.hex())

    def pin_block(self, pan: str) -> bytes:
        return self._data("pin_block", pan=pan)

    def encrypt(self, data: bytes) -> bytes:
        return self._data("encrypt", data=data.hex())

    def decrypt(self, data: bytes) -> bytes:
        return self._data("decrypt", data=data.hex())

    def _data(self, call: str, **words: str) -> bytes:
        return bytes.fromhex(self._line.ask(call, **words)["data"])


class _Nvram:
    def __init__(self, line: Line) -> None:
        self._line = line

    def read(self, offset: int, size: int) -> bytes:
        return bytes.fromhex(self._line.ask("nvram_read", offset=offset, size=size)["data"])

    def write(self, offset: int, data: bytes) -> None:
        self._line.ask("nvram_write", offset=offset, data=data.hex())


class StdioDevice:
    """``contract.Device`` over lines; ``encoding`` is the manifest's."""

    def __init__(self, line: Line, encoding: str = "utf-8") -> None:
        boot = line.read()["boot"]
        self.tid: str = boot["tid"]
        self.mid: str = boot["mid"]
        self.host_address: tuple[str, int] = (boot["host"], boot["port"])
        self.volumes: Mapping[str, str] = MappingProxyType(boot["volumes"])
        self.card = _CardReader(line)
        self.pin_pad = _PinPad(line)
        self.printer = _Printer(line)
        self.display = _Display(line, encoding)
        self.nvram = _Nvram(line)
        self._line = line

    def next_event(self, timeout_s: float | None = None) -> Event | None:
        """Wait for what the world does next; None after ``timeout_s`` seconds without anything."""
        return _event(self._line.ask("next_event", timeout_s=timeout_s))

    def finish(self, action: Action, outcome: Outcome) -> None:
        """End an action. Each action is ended exactly once."""
        words = asdict(outcome)
        kind = words.pop("kind")
        self._line.ask("finish", action=action.number, outcome=kind, **words)

    def probe(self, name: str) -> None:
        """Mark a rare path as reached, so that a test can require that it was."""
        self._line.ask("probe", name=name)

    def reboot(self) -> NoReturn:
        """Restart the software as a clean shutdown would; does not return."""
        self._line.ask("reboot")
        raise SystemExit("the harness answered a reboot")


def _event(found: dict[str, Any]) -> Event | None:
    match found["event"]:
        case "action":
            return ActionRequested(Action(**found["action"]))
        case "key":
            return KeyPressed(found["key"])
        case "card_presented":
            return CardPresented()
        case "card_removed":
            return CardRemoved()
        case "paper":
            return PaperChanged(found["loaded"])
        case "cable":
            return CableChanged(found["connected"])
    return None


# ---------------------------------------------------------------- the program


def terminal_class(spec: str) -> Any:
    """The class that ``spec`` names; SystemExit says what is wrong."""
    place, _, name = spec.rpartition(":") if ":" in spec else (spec, "", "")
    module = _module(place)
    if not name:
        own = (each for each in vars(module).values() if isinstance(each, type) and each.__module__ == module.__name__)
        found = [each.__name__ for each in own if hasattr(each, "manifest") and hasattr(each, "run")]
        if len(found) != 1:
            raise SystemExit(f"{spec}: name one of its classes, as in {spec}:{found[0] if found else 'Class'}")
        name = found[0]
    if not hasattr(module, name):
        raise SystemExit(f"{spec}: {place} has no class {name!r}")
    return getattr(module, name)


def _module(place: str) -> ModuleType:
    if not place.endswith(".py"):
        sys.path.insert(0, os.getcwd())
        return importlib.import_module(place)
    path = Path(place).resolve()
    wanted = importlib.util.spec_from_file_location(path.stem, path)
    if wanted is None or wanted.loader is None or not path.is_file():
        raise SystemExit(f"there is no file {place} in {os.getcwd()}; give its whole path")
    sys.path.insert(0, str(path.parent))
    module = importlib.util.module_from_spec(wanted)
    sys.modules[path.stem] = module
    wanted.loader.exec_module(module)
    return module


def manifest_json(found: Any) -> str:
    """The answer to ``--manifest``."""
    return json.dumps(asdict(found.manifest) | {"actions": sorted(found.manifest.actions)}, ensure_ascii=False)


def inspection_json(found: Any, directory: str) -> str:
    """The answer to ``--inspect DIR``."""
    root = Path(directory)
    image = {f"/{path.relative_to(root)}": path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
    look = getattr(found, "inspect", None)
    answer: Inspection | None = None if look is None else look(MappingProxyType(image))
    return json.dumps(None if answer is None else asdict(answer), ensure_ascii=False)


def main(arguments: list[str]) -> None:
    """See the module's first lines."""
    match arguments:
        case [spec] if not spec.startswith("-"):
            out = os.dup(1)
            os.dup2(2, 1)  # what the terminal prints is a log
            found = terminal_class(spec)
            found(StdioDevice(Line(0, out), found.manifest.encoding)).run()
        case [spec, "--manifest"]:
            print(manifest_json(terminal_class(spec)))
        case [spec, "--inspect", directory]:
            print(inspection_json(terminal_class(spec), directory))
        case _:
            raise SystemExit(_USAGE)


if __name__ == "__main__":
    main(sys.argv[1:])
