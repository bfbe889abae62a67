"""Broken scenario files: every problem at once, at its line and column, with what was expected and the nearest name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.documents.source import STRUCTURE_BYTES_MAX
from harness.core.errors import ExitCode, UsageError
from harness.scenario.load import load_file, load_text
from harness.scenario.problems import ScenarioErrors


def problems(text: str, json: bool = False) -> list[str]:
    with pytest.raises(ScenarioErrors) as caught:
        load_text(text, "f", json)
    assert caught.value.exit_code is ExitCode.USAGE
    return [problem.text("f") for problem in caught.value.problems]


ONE_PROBLEM = [
    # the whole document
    ("", "f:1:1: the file is empty; expected a scenario"),
    ("- a\n", "f:1:1: expected a scenario: keys such as 'name:' and 'faults:'"),
    ("name: x\nname: y\n", "f:2:1: key 'name' stands here for the second time (first in line 1)"),
    ("name: x\ndays: [1,\n", "f:3:1: not YAML: expected the node content, but found '<stream end>' while parsing a flow node"),
    ("name: x\nsummary: !!python/name:os.system y\n",
     "f:2:10: summary: expected plain data, found the tag tag:yaml.org,2002:python/name:os.system"),
    ("name: x\nseed: !evil 4\n", "f:2:7: seed: expected plain data, found the tag !evil"),
    ("summary: x\n", "f:1:1: missing key 'name'"),
    ("name: x\nfault: []\n", "f:2:1: fault: unknown key 'fault'; did you mean 'faults'?"),
    ("name: [1]\n", "f:1:7: name: expected text, found a list of 1"),
    # numbers and quantities
    ("name: x\nseed: '5'\n", "f:2:7: seed: expected a whole number, found '5'"),
    ("name: x\nterminals: {count: 2.5}\n", "f:2:20: terminals.count: expected a whole number, found 2.5"),
    ("name: x\nterminals: 0\n", "f:2:12: terminals.count: expected 1 to 2000, found 0"),
    ("name: x\ndays: 400\n", "f:2:7: days.count: expected 1 to 366, found 400"),
    ("name: x\nsales_per_day: -3\n", "f:2:16: sales_per_day: expected a number from 0 up, found -3"),
    ("name: x\nacceptance: 90\n", "f:2:13: acceptance: expected a percentage such as 30%, found 90"),
    ("name: x\nacceptance: 130%\n", "f:2:13: acceptance: expected at most 100%, found '130%'"),
    ("name: x\npeople:\n  patience: 90\n",
     "f:3:13: people.patience: expected a duration with its unit, such as 90s, 250 ms or 2min 30s, found 90"),
    ("name: x\npeople: {patience: 90 sec}\n",
     "f:2:20: people.patience: expected a duration with its unit, such as 90s, 250 ms or 2min 30s "
     "(us, ms, s, min, h, d), found '90 sec'"),
    ("name: x\npeople: {patience: 0.5 us}\n",
     "f:2:20: people.patience: expected a whole number of microseconds, found '0.5 us'"),
    ("name: x\ndevice: {ram: 4}\n",
     "f:2:15: device.ram: expected a size with its unit, such as 4 KiB or 2.5 MB, found 4"),
    ("name: x\npeople: {daily_reboot: 1}\n", "f:2:24: people.daily_reboot: expected true or false, found 1"),
    ("name: x\npeople: {settles_on_time: 90%, settles_late: 20%}\n",
     "f:2:9: people: settles_on_time, settles_late and settles_twice add up to 110 %, more than 100 %"),
    # actions
    ("name: x\nactions: sale\n", "f:2:10: actions: expected a list, found 'sale'"),
    ("name: x\nactions:\n  - {do: sale}\n", "f:3:5: actions[0]: missing key 'time'"),
    ("name: x\nactions:\n  - {do: sald, time: '10:00'}\n",
     "f:3:10: actions[0].do: expected one of sale, void, refund, preauth, completion, preauth_void, settle, sign_on, sign_off, "
     "reprint, clear_cache, read_log, restart, pull_plug, found 'sald'; did you mean 'sale'?"),
    ("name: x\nactions:\n  - {do: settle, time: '10:00', amount_fen: 5}\n",
     "f:3:5: actions[0]: settle has no amount of its own: amount_fen goes with completion, preauth, sale"),
    ("name: x\nactions:\n  - {do: restart, time: '10:00', card: 5}\n",
     "f:3:5: actions[0]: restart is no customer's: card and pays_by do not go with it"),
    ("name: x\nactions:\n  - {do: sale, time: '10:00', day: 2}\n",
     "f:3:36: actions[0].day: expected a day from 1 to 1, found 2"),
    ("name: x\nactions:\n  - {do: sale, time: '10:00', terminal: T02}\n",
     "f:3:41: actions[0].terminal: no terminal named 'T02'; did you mean 'T01'?"),
    ("name: x\ndays: {open: '09:00', close: '10:00'}\nactions:\n  - {do: sale, time: '10:00'}\n",
     "f:4:22: actions[0].time: T01 is open from 09:00 to 10:00, and nobody is there at 10:00"),
    ("name: x\ndays: {open: '09:00', close: '10:00'}\nactions:\n  - {do: sale, time: '09:50', times: 20, every: 1 min}\n",
     "f:4:38: actions[0].times: T01 is open from 09:00 to 10:00, and the last of 20 is later; at most 10 fit in"),
    ("name: x\nsales_per_day: 4\nactions: []\n",
     "f:2:1: sales_per_day: expected either actions or sales_per_day: actions name everybody who comes"),
    # dates, hours, volumes
    ("name: x\ndays: {start: 2026-02-30}\n", "f:2:15: days.start: expected a date such as 2026-03-02, found '2026-02-30'"),
    ("name: x\ndays: {open: 9:30}\n",
     "f:2:14: days.open: expected a time of day such as 13:42 or 13:42:07.120, found '9:30'"),
    ("name: x\ndays: {open: '21:00', close: '09:00'}\n", "f:2:30: days.close: expected a closing time after the opening time"),
    ("name: x\ndevice: {volumes: {data: {sise: 1 MiB}}}\n",
     "f:2:27: device.volumes.data.sise: unknown key 'sise'; did you mean 'size'?"),
    ("name: x\ndevice: {volumes: {data: {block_size: 1000 B}}}\n",
     "f:2:39: device.volumes.data.block_size: expected a power of two from 512 B up, found 1000 B"),
    ("name: x\ndevice: {volumes: {data: {size: 8 KiB}}}\n",
     "f:2:33: device.volumes.data.size: expected at least four blocks of 4096 B"),
    # names
    ("name: x\nprofile: ext4-orderd\n", "f:2:10: profile: no profile named 'ext4-orderd'; did you mean 'ext4-ordered'?"),
    ("name: x\ndevice: {link: gsm}\n", "f:2:16: device.link: no link named 'gsm'; did you mean 'gprs'?"),
    ("name: x\nmerchants: {convenient: 100%}\n",
     "f:2:25: merchants.convenient: no merchant named 'convenient'; did you mean 'convenience'?"),
    ("name: x\nmerchants: 7\n",
     "f:2:12: merchants: expected a merchant, a list of them, or shares such as {stall: 40%}, found 7"),
    ("name: x\ninvariants: [no_lost_aproval]\n",
     "f:2:13: invariants: no invariant named 'no_lost_aproval'; did you mean 'no_lost_approval'?"),
    ("name: x\ninvariants: some\n",
     "f:2:13: invariants: expected all, a list of invariants, or {except: [...]}, found 'some'"),
    ("name: x\ndisk: tmpfs\n", "f:2:7: disk: expected one of vfs, pyfakefs, found 'tmpfs'; did you mean 'vfs'?"),
    ("name: x\nterminals: {trace_number: 0}\n", "f:2:27: terminals.trace_number: expected 1 to 999999, found 0"),
    ("name: x\nterminals: {trace_number: 1000000}\n",
     "f:2:27: terminals.trace_number: expected 1 to 999999, found 1000000"),
    ("name: x\nterminals: {software: ./evil.py:Main}\n",
     "f:2:23: terminals.software: expected a plain name in small letters, never a path or a module, found './evil.py:Main'"),
    ("name: x\nterminals: {software: referense}\n",
     "f:2:23: terminals.software: no shipped terminal named 'referense'; did you mean 'reference'?"),
    # faults
    ("name: x\nfaults: {type: partition}\n", "f:2:9: faults: expected a list of faults, each beginning with '- type: ...'"),
    ("name: x\nfaults:\n  - partition\n", "f:3:5: faults[0]: expected a fault such as '- type: power_loss'"),
    ("name: x\nfaults:\n  - {type: powerloss}\n",
     "f:3:12: faults[0].type: no fault named 'powerloss'; did you mean 'power_loss'?"),
    ("name: x\nfaults:\n  - {type: power_loss, off_fro: 90s}\n",
     "f:3:24: faults[0].off_fro: unknown key 'off_fro'; did you mean 'off_for'?"),
    ("name: x\nfaults:\n  - type: storage_error\n    on: wrote\n",
     "f:4:9: faults[0].on: expected one of read, write, fsync, any, found 'wrote'; did you mean 'write'?"),
    ("name: x\nfaults:\n  - {type: partition, devices: two}\n",
     "f:3:32: faults[0].devices: expected all, one, a number of devices, or names such as [T01, T04], found 'two'"),
    ("name: x\nfaults:\n  - {type: partition, devices: 2}\n", "f:3:32: faults[0].devices: expected at most 1, found 2"),
    ("name: x\nfaults:\n  - {type: partition, devices: [T02]}\n",
     "f:3:32: faults[0].devices: no terminal named 'T02'; did you mean 'T01'?"),
    ("name: x\nfaults:\n  - {type: partition, at: {day: 2}}\n", "f:3:33: faults[0].at.day: expected a day from 1 to 1, found 2"),
    ("name: x\nfaults:\n  - {type: partition, at: {action: sell}}\n",
     "f:3:36: faults[0].at.action: no action named 'sell'; did you mean 'settle'?"),
    ("name: x\nfaults:\n  - {type: partition, at: {storage_operation: [3, 1]}}\n",
     "f:3:47: faults[0].at.storage_operation: expected a number from 1 up, or two such as [1, 12], found a list of 2"),
    ("name: x\nfaults:\n  - {type: partition, at: {message: {mit: '0210'}}}\n",
     "f:3:38: faults[0].at.message.mit: unknown key 'mit'; did you mean 'mti'?"),
    ("name: x\nfaults:\n  - {type: full_storage, volume: date}\n",
     "f:3:34: faults[0].volume: no volume named 'date'; did you mean 'data'?"),
    ("name: x\nfaults:\n  - {type: lose_file, lift_after: 5 s}\n",
     "f:3:35: faults[0].lift_after: damage stays; only a condition can be lifted"),
    ("name: x\nfaults:\n  - {type: partition}\n  - {type: partition}\n",
     "f:4:5: faults[1]: a second fault named 'partition'; give each a 'name' of its own"),
    ("name: x\nfaults:\n  - {type: partition, times: 2, per_day: 1}\n",
     "f:3:42: faults[0].per_day: expected either times or per_day, found both"),
    ("name: x\ndisk: pyfakefs\nfaults:\n  - {type: full_storage}\n",
     "f:4:12: faults[0].type: full_storage needs the disk vfs; pyfakefs cannot do it"),
    # decisions
    ("name: x\ndecisions: |\n  T01/a\t0.5\n  T01/b\nseed: 1\n",
     "f:4:3: decisions: expected 'key value', found 'T01/b'"),
    ("name: x\ndecisions: |\n  T01/a yes\n", "f:3:3: decisions: expected a number or a quoted text, found 'yes'"),
    # money after the sale, and what is measured
    ("name: x\ndays: {count: 3, start: 2026-12-30}\nfunds: {cycle: T+1}\n",
     "f:2:25: days.start: the holidays of 2027 are not known, those of 2024 to 2026 are: start the days earlier, or use a "
     "settlement cycle that asks for none (D+1, D+0)"),
    ("name: x\nfunds: {paid_at: '19:00'}\n", "f:2:8: funds.due_by: expected no earlier than paid_at"),
    ("name: x\nfaults:\n  - type: late_payout\n",
     "f:3:11: faults[0].type: late_payout is about payouts; without the key 'funds' there are none"),
    ("name: x\nmeasures: {late_payout: 0}\n",
     "f:2:25: measures.late_payout: no measure named 'late_payout'; did you mean 'late_payouts'?"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), ONE_PROBLEM, ids=lambda each: each[:40].replace("\n", " "))
def test_a_problem_is_named_at_its_place(text: str, expected: str) -> None:
    assert problems(text) == [expected]


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    text = (
        "name: x\ndays: 0\nprofil: fat\nfaults:\n  - {type: half_opn}\n  - {type: power_loss, off_for: 90}\nseed: x\n"
    )
    assert [line.split(": ")[0] for line in problems(text)] == ["f:3:1", "f:5:12", "f:6:33", "f:7:7"]


def test_problems_behind_a_block_of_decisions_keep_their_lines() -> None:
    text = "name: x\ndecisions: |\n  a 1\n\n  b 2\nseed: no\ncovers: 5\n"
    assert problems(text) == [
        "f:6:7: seed: expected a whole number, found 'no'",
        "f:7:9: covers: expected a list, found 5",
    ]


def test_json_has_its_places_too() -> None:
    assert problems('{\n\t"name": "x",\n\t"sede": 5\n}', json=True) == [
        "f:3:2: sede: unknown key 'sede'; did you mean 'seed'?"
    ]
    assert load_text('{"name": "x", "seed": 5, "terminals": {"count": 3}}', json=True).terminals == 3


def test_the_message_counts_and_says_that_nothing_was_run() -> None:
    with pytest.raises(ScenarioErrors, match=r"f: 1 problem; nothing was run$"):
        load_text("seed: 1\n", "f")


def test_identifiers_stay_text() -> None:
    plan = load_text(
        "name: 0042\nfaults:\n  - {type: host_responds, code: 05, at: {message: {mti: 0210}}}\n"
        "  - {type: host_responds, name: 12, code: 51}\n"
    )
    assert plan.name == "0042"
    assert [fault.fault.code for fault in plan.faults] == ["05", "51"]
    assert plan.faults[0].trigger.message.mti == "0210" and plan.faults[1].name == "12"


def test_anchors_work_and_bombs_do_not() -> None:
    assert load_text("name: x\nfaults:\n  - &cut {type: power_loss, name: a}\n  - {type: partition}\n").faults
    levels = "".join(f"b{n}: &b{n} [{', '.join([f'*b{n - 1}'] * 9)}]\n" for n in range(1, 9))
    assert "do anchors multiply them?" in problems("b0: &b0 [x, x, x, x]\n" + levels)[0]
    assert "nested more than" in problems("name: &a [*a]\n")[0]
    assert "nested more than" in problems("name: " + "[" * 5000)[0]


def test_size_is_bounded(tmp_path: Path) -> None:
    assert "larger than" in problems("name: x\n#" + "x" * STRUCTURE_BYTES_MAX)[0]
    huge = tmp_path / "huge.yaml"
    with huge.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    with pytest.raises(ScenarioErrors, match="larger than 32 MiB"):
        load_file(huge)


def test_files_that_are_no_text_or_not_there(tmp_path: Path) -> None:
    binary = tmp_path / "b.yaml"
    binary.write_bytes(b"name: x\nsummary: \xff\xfe\n")
    with pytest.raises(ScenarioErrors, match=r":2:10: expected UTF-8 text"):
        load_file(binary)
    with pytest.raises(UsageError, match="Is a directory"):
        load_file(tmp_path)


@given(st.text(alphabet=st.sampled_from("abn:- \n{}[]#&*!|>'\"%@`,?\t0123.é\x00\ud7ff"), max_size=80))
@settings(max_examples=300, deadline=None)
def test_no_text_gives_anything_but_a_plan_or_problems(text: str) -> None:
    try:
        load_text(text)
    except ScenarioErrors as error:
        assert error.problems and all(problem.line >= 1 and problem.column >= 1 for problem in error.problems)
