"""A Python terminal as a program: the same class does the same over lines as in process."""

import json
import os
import subprocess
import sys
import threading

import pytest

from harness.contract import Inspection
from harness.contract.stdio import Line, main
from harness.sut.wire.inspection_file import read_inspection
from harness.sut.wire.manifest_file import read_manifest
from harness.terminals.jsonfile_terminal import JsonFileTerminal
from harness.terminals.reference import ReferenceTerminal
from tests.sut.wire.program_bench import ProgramBench

SPECS = {
    JsonFileTerminal: "harness.terminals.jsonfile_terminal:JsonFileTerminal",
    ReferenceTerminal: "harness.terminals.reference:ReferenceTerminal",
}


def command(spec: str, *more: str) -> list[str]:
    return [sys.executable, "-m", "harness.contract.stdio", spec, *more]


def day(bench: ProgramBench) -> list[str]:
    """A little of everything; what each action ended with."""
    ended = [bench.act("sign_on"), bench.act("sale", 1250), bench.act("sale", 300)]
    ended.append(bench.act("void", 300, original_stan=ended[-1].stan, original_batch="000001"))
    bench.host.silent = 1
    ended.append(bench.act("sale", 77))
    bench.hardware.printer.remove_paper()
    ended.append(bench.act("sale", 99))
    bench.hardware.printer.load_paper()
    ended += [bench.act("settle"), bench.act("account")]
    return [f"{each.kind} {each.reason} {each.stan} {each.batch}" for each in ended]


@pytest.mark.parametrize("cls", list(SPECS))
def test_a_terminal_class_does_the_same_as_a_program(cls, tmp_path):
    told = []
    for name in ("in_process", "program"):
        place = tmp_path / name
        place.mkdir()
        with ProgramBench(place) as bench:
            bench.boot_class(cls) if name == "in_process" else bench.boot(command(SPECS[cls]))
            told.append((day(bench), bench.shown(), bench.ledger(), bench.host.requests))
    assert told[0] == told[1]
    assert [each.partition(" ")[0] for each in told[0][0][:5]] == [
        "done",
        "approved",
        "approved",
        "approved",
        "unknown",
    ]


def test_it_answers_for_its_class_without_running(tmp_path):
    with ProgramBench(tmp_path) as bench:
        bench.boot(command(SPECS[JsonFileTerminal]))
        bench.act("sale", 1250)
        bench.act("sale", 300)
    said = subprocess.run(
        command(SPECS[JsonFileTerminal], "--inspect", str(tmp_path)), capture_output=True, check=True, timeout=30
    ).stdout
    found = read_inspection(said, "program")
    image = {f"/data/{each.name}": each.read_bytes() for each in bench.data.iterdir()}
    assert isinstance(found, Inspection) and found == JsonFileTerminal.inspect(image)
    assert [each.amount_fen for each in found.records] == [1250, 300]
    said = subprocess.run(command(SPECS[JsonFileTerminal], "--manifest"), capture_output=True, check=True, timeout=30)
    assert read_manifest(said.stdout, "program", json=True).manifest == JsonFileTerminal.manifest


SOURCE = """
import threading
from harness.contract import Done, Manifest, Screen, Terminal

class Shop(Terminal):
    manifest = Manifest(name="two threads", actions=frozenset({"settle"}))

    def settle(self, action):
        print("not for the protocol")
        worker = threading.Thread(target=self.device.nvram.write, args=(0, b"kept"))
        worker.start()
        self.device.display.show(Screen("processing"))
        worker.join()
        return Done(self.device.nvram.read(0, 4).decode())
"""


def test_a_file_of_the_users_own_with_threads_and_prints(tmp_path):
    (tmp_path / "shop.py").write_text(SOURCE)
    with ProgramBench(tmp_path) as bench:
        bench.boot(command("shop.py"))
        assert bench.act("settle").text == "kept"
    assert (tmp_path / "stderr").read_text() == "not for the protocol\n"


def test_answers_find_the_thread_that_asked():
    to_program, from_harness = os.pipe()
    to_harness, from_program = os.pipe()
    line = Line(to_program, from_program)
    got: dict[str, object] = {}

    def ask(at, name):
        got[name] = line.ask("nvram_read", offset=at, size=1)

    threads = [threading.Thread(target=ask, args=each) for each in enumerate("abc")]
    for each in threads:
        each.start()
    asked = b""
    while asked.count(b"\n") < 3:
        asked += os.read(to_harness, 4096)
    numbers = {words["offset"]: words["id"] for words in map(json.loads, asked.splitlines())}
    for offset in (2, 0, 1):
        answer = {"id": numbers[offset], "ok": {"data": f"{offset:02d}"}}
        os.write(from_harness, json.dumps(answer).encode() + b"\n")
    for each in threads:
        each.join(30)
    assert got == {name: {"data": f"{at:02d}"} for at, name in enumerate("abc")}
    for each in (to_program, from_harness, to_harness, from_program):
        os.close(each)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "usage:"),
        (["--manifest"], "usage:"),
        (["nowhere.py"], "there is no file nowhere.py"),
        (["harness.terminals.jsonfile_terminal:Nobody"], "has no class 'Nobody'"),
        (["harness.contract"], "name one of its classes"),
    ],
)
def test_what_cannot_be_run_is_said(arguments, told):
    with pytest.raises(SystemExit, match=told):
        main(arguments)
