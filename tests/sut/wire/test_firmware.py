"""The example firmware: built as its first lines say, run over pipes against the harness's host, killed and started again."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness.sut.wire.inspection_file import read_inspection
from harness.sut.wire.manifest_file import SUFFIX, read_manifest
from harness.terminals import examples
from tests.sut.wire.program_bench import Killed, ProgramBench

FIRMWARE = Path(examples.__file__).parent / "firmware"


def needs(tool: str) -> None:
    """What CI installs; elsewhere a test may go without."""
    if shutil.which(tool) is None:
        assert "CI" not in os.environ, f"there is no {tool}"
        pytest.skip(f"there is no {tool}")


@pytest.fixture(scope="session")
def c_program(tmp_path_factory) -> list[str]:
    needs("cc")
    place = tmp_path_factory.mktemp("c")
    program = place / "shop_terminal"
    subprocess.run(
        ["cc", "-O1", "-Wall", "-Wextra", "-Werror=implicit", "-o", str(program), "shop_terminal.c", "-lsqlite3"],
        cwd=FIRMWARE / "c", check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    shutil.copy(FIRMWARE / "c" / ("shop_terminal" + SUFFIX), place)
    return [str(program)]


@pytest.fixture(scope="session")
def node_program() -> list[str]:
    needs("node")
    return ["node", str(FIRMWARE / "node" / "shop_terminal.js")]


@pytest.fixture(scope="session")
def python_program() -> list[str]:
    return [sys.executable, "-I", str(FIRMWARE / "python" / "shop_terminal.py")]


@pytest.fixture(scope="session")
def rust_program(tmp_path_factory) -> list[str]:
    needs("rustc")
    program = tmp_path_factory.mktemp("rust") / "shop_terminal"
    source = FIRMWARE / "rust" / "shop_terminal.rs"
    subprocess.run(
        ["rustc", "--edition", "2021", "-o", str(program), str(source)], check=True, capture_output=True, timeout=120
    )
    return [str(program)]


PROGRAMS = ["c_program", "node_program", "python_program", "rust_program"]
only_c = pytest.mark.parametrize("program", ["c_program"], indirect=True)
"""What only the firmware in C has: void, reprint, a file of its manifest."""


@pytest.fixture(params=PROGRAMS)
def program(request) -> list[str]:
    return request.getfixturevalue(request.param)


@pytest.fixture
def place(tmp_path):
    """Where syncing costs nothing, if there is such a place: these programs sync all the time."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        yield Path(name)


@pytest.fixture
def bench(program, place):
    with ProgramBench(place) as bench:
        bench.boot(program)
        yield bench


def inspected(program: list[str], bench: ProgramBench):
    said = subprocess.run([*program, "--inspect", str(bench.place)], capture_output=True, check=True, timeout=30)
    return read_inspection(said.stdout, "program")


def test_its_manifest_is_sound(program):
    path = Path(program[-1] + SUFFIX)
    if path.exists():
        declared = read_manifest(path.read_bytes(), str(path))
    else:
        said = subprocess.run([*program, "--manifest"], capture_output=True, check=True, timeout=30)
        declared = read_manifest(said.stdout, "program --manifest", json=True)
    assert {"sign_on", "sale", "settle"} <= declared.manifest.actions
    assert (declared.manifest.reversal, declared.manifest.max_transactions) == ("before_next", 500)


@only_c
def test_a_day(bench, program):
    assert bench.shown()[-1][2] == "idle"
    assert bench.act("sign_on").kind == "done"
    first, second = bench.act("sale", 1250), bench.act("sale", 300)
    assert (first.kind, first.batch, first.rrn) == ("approved", "000001", "000000000002")
    assert bench.act("void", 300, card=None, original_stan=second.stan).kind == "approved"
    assert bench.act("void", 300, card=None, original_stan=second.stan).reason == "not_found"
    bench.host.silent = 1
    lost = bench.act("sale", 77)
    assert (lost.kind, lost.stan) == ("unknown", "000005")
    found = inspected(program, bench)
    assert [(each.kind, each.state) for each in found.records] == [
        ("sale", "active"),
        ("sale", "voided"),
        ("void", "active"),
    ]
    assert found.pending_reversals == ("000005",) and found.next_stan == "000006"
    assert bench.act("sale", 99).kind == "approved"
    assert bench.act("reprint", card=None).kind == "done"
    assert bench.act("settle", card=None).kind == "done"
    assert bench.act("preauth").kind == "unsupported"
    assert bench.ledger() == [
        ("000001", "000002", "sale", 1250, "SETTLED"), ("000001", "000003", "sale", 300, "VOIDED"),
        ("000001", "000004", "void", 300, "APPROVED"), ("000001", "000005", "sale", 77, "REVERSED"),
        ("000001", "000006", "sale", 99, "SETTLED"),
    ]  # fmt: skip
    found = inspected(program, bench)
    assert (found.batch, found.records, found.pending_reversals) == ("000002", (), ())
    slips = [each[2:] for each in bench.shown() if len(each) > 8]
    assert [each[0] for each in slips] == ["sale", "sale", "void", "sale", "sale", "settlement"]
    assert (slips[4][5], slips[5][6:8]) == (True, (2, 1349))


def test_what_was_in_doubt_when_it_died_is_reversed(bench, program):
    assert bench.act("sale", 500).kind == "approved"
    bench.host.silent = 1
    bench.act("sale", 700)
    bench.kill()
    bench.boot(program)
    assert bench.act("sale", 900).kind == "approved"
    assert [each[4] for each in bench.ledger()] == ["APPROVED", "REVERSED", "APPROVED"]


def test_a_host_that_miscounts_gets_every_sale(bench):
    for amount_fen in range(100, 1000, 100):
        assert bench.act("sale", amount_fen).kind == "approved"
    bench.host.acquirer.knobs(bench.hardware.tid).totals_off_by_one = 1
    assert bench.act("settle", card=None).kind == "done"
    assert bench.host.requests[-4:] == ["0500", "0320", "0320", "0320"]


@only_c
def test_a_slip_is_printed_again(bench):
    bench.act("sale", 5)
    assert bench.act("reprint", card=None).kind == "done"
    bench.hardware.printer.remove_paper()
    assert bench.act("reprint", card=None).reason == "paper_out"


def test_no_card_no_paper_no_settlement_no_harm(bench):
    assert bench.act("sale", 5, card=None).reason == "card_timeout"
    bench.hardware.printer.remove_paper()
    assert bench.act("sale", 5).kind == "approved"
    bench.host.silent = 1
    assert bench.act("settle", card=None).reason == "no_verdict"
    assert bench.act("sale", 5).reason == "settle_pending"
    assert bench.act("settle", card=None).kind == "done"
    assert bench.act("sale", 5).kind == "approved"


def test_an_approval_of_another_amount_or_with_a_wrong_mac_is_none(bench):
    bench.act("sign_on")
    knobs = bench.host.acquirer.knobs(bench.hardware.tid)
    bench.host.hangs_up = True
    knobs.mismatched_replies, knobs.mismatched_field = 1, "amount"
    assert (bench.act("sale", 4).kind, bench.act("sale", 5).kind) == ("unknown", "approved")
    knobs.wrong_macs = 1
    assert bench.act("sale", 6).kind == "unknown"
    knobs.respond_code, knobs.respond_count = "51", 1
    assert (bench.act("sale", 7).kind, bench.act("sale", 8).kind) == ("refused", "approved")
    assert bench.host.doubts == ["98", "A0", "A0"]


@pytest.mark.parametrize("action", ["sale", "settle"])
def test_killed_after_any_request_it_owes_nothing(program, place, action):
    """What people were told is what the host has, whichever of its requests was its last."""
    for last in range(1, 100):
        here = place / str(last)
        here.mkdir()
        with ProgramBench(here) as bench:
            bench.boot(program)
            bench.act("sale", 100)
            bench.dies_after = last
            try:
                bench.act(action, 200)
                return  # that was the last request
            except Killed:
                bench.kill()
            bench.boot(program)
            bench.act("sale", 400)
            assert bench.act("settle", card=None).kind == "done" or action == "settle"
            told = [each[2:6] for each in bench.shown() if len(each) < 8]
            approved = sorted({(each[3], each[2]) for each in told if each[0] == "approved"})
            assert approved == sorted((each[1], each[3]) for each in bench.ledger() if each[4] == "SETTLED"), last
            assert {each[4] for each in bench.ledger()} <= {"SETTLED", "REVERSED"}, last
            settled = [each[8:10] for each in bench.shown() if len(each) > 8 and each[2] == "settlement"]
            assert settled and sum(each[1] for each in set(settled)) == sum(fen for _, fen in approved), last


def test_a_program_of_text_alone_trades(place):
    path = FIRMWARE / "python" / "text_till.py"
    declared = read_manifest(path.with_name(path.name + SUFFIX).read_bytes(), path.name)
    with ProgramBench(place, declared) as bench:
        bench.boot([sys.executable, str(path), str(bench.data)])
        assert (bench.act("sign_on").kind, bench.act("sale", 1250).stan) == ("done", "000002")
        bench.host.silent = 1
        assert bench.act("sale", 77).kind == "unknown"
        assert bench.act("sale", 30).kind == "approved"
        assert (bench.act("settle", card=None).kind, bench.act("reprint").kind) == ("done", "unsupported")
        assert [each[3:] for each in bench.ledger()] == [(1250, "SETTLED"), (77, "REVERSED"), (30, "SETTLED")]
        slips = [each[2:10] for each in bench.shown() if len(each) > 8]
        assert [(each[0], each[2], each[6], each[7]) for each in slips] == [
            ("sale", 1250, None, None), ("sale", 30, None, None), ("settlement", None, 2, 1280),
        ]  # fmt: skip
