"""The line of a user's own software beside each event that comes from it, each operation of its disk and each loss of a cut."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from harness.engine.launch import launch
from harness.engine.report.finding import Telling
from harness.engine.report.gather import gather
from harness.engine.report.model import FindingPage, Lost, Taken
from harness.engine.report.observing import Observed, ObservedRequest, read_observed
from harness.engine.report.operations import Apart, made_by, why_lost
from harness.engine.report.placing import SHOWN_MAX, taken_by
from harness.engine.request import RunRequest
from harness.engine.verdict import FindingView
from harness.engine.whereabouts import Whereabouts, own_files
from harness.history.codec import read_history
from harness.history.events import AnyEvent
from harness.storage.calls import StorageCall
from harness.storage.oplog import (
    DropDirty,
    Link,
    Op,
    Rename,
    SetMode,
    SyncDirectory,
    SyncFile,
    SyncVolume,
    Truncate,
    Unlink,
    Write,
)
from harness.storage.profiles import registry
from harness.storage.volume import Volume
from harness.sut.software import load
from harness.terminals.catalogue import CATALOGUE
from harness.terminals.small_scenarios import hour

EXAMPLE = Path(__file__).parents[3] / "harness" / "docs" / "examples" / "my_terminal.py"
WATCHED = "harness.engine.report.observing:execute"
CUT = """
profile: posix-weak
faults:
  - {type: power_loss, at: {time: "09:31"}, off_for: 45 s}
"""
FAILS = """
profile: posix-weak
faults:
  - {type: fsync_failure, at: {action: settle}}
  - {type: scheduled_restart, at: {time: "09:31"}}
"""
APPENDS, COUNTS = 'with open(self.log, "a")', 'with open(self.state, "w")'
"""Python writes what it has buffered where the `with` ends, which is told by the line where that begins."""
TALKATIVE = """
import os

from harness.contract import Failed
from my_terminal import MyTerminal


class Talkative(MyTerminal):
    def run(self):
        super().run()  # RUNS

    def boot(self):
        super().boot()
        print("it is up")  # LOGGED
        self.settle = self.close_day  # in the place of its class's own

    def close_day(self, request):
        self.device.probe("settling")  # PROBED
        try:
            self.keep("first")  # FIRST
        except OSError:
            return Failed("no_space")
        return super().settle(request)

    def keep(self, text):
        with open(self.log + ".mark", "w") as file:
            file.write(text)
            file.flush()  # FLUSHED
            os.fsync(file.fileno())  # SYNCED
"""


@dataclass(frozen=True)
class Seen:
    """What a watched run left."""

    directory: Path
    terminal: Path
    events: dict[int, AnyEvent]
    observed: Observed

    def line(self, mark: str, file: Path | None = None, above: int = 0) -> str:
        """``file.py:LINE`` of the only line with ``mark`` in it, or of one so far above it."""
        file = file or self.terminal
        (number,) = [number for number, line in enumerate(file.read_text().splitlines(), 1) if mark in line]
        return f"{file.name}:{number - above}"

    def of(self, kind: str) -> list[tuple[str, AnyEvent]]:
        """The places of all events of one type; empty where there is none."""
        known = {each.number: each.path + (" returned" if each.returned else "") for each in self.observed.places}
        found = [(number, event) for number, event in self.events.items() if type(event).__name__ == kind]
        return [(known.get(number, ""), event) for number, event in found]


def _seen(place: Path, terminal: str, scenario: str, text: str = "") -> Seen:
    shutil.copy(EXAMPLE, place)
    if text:
        (place / "talkative.py").write_text(text)
    file, _, name = terminal.partition(":")
    (place / "it.yaml").write_text(hour(scenario))
    spec = f"{place / file}:{name}"
    request = ObservedRequest(
        scenario=str(place / "it.yaml"), terminal=spec, out_dir=str(place / "run"), watched=("T01",)
    )
    watched = launch(request, inside=WATCHED)
    plain = launch(RunRequest(scenario=request.scenario, terminal=spec, out_dir=str(place / "plain")))
    assert watched.history_sha256 == plain.history_sha256, "watching changes nothing"
    return Seen(
        place / "run",
        place / file,
        dict(read_history(place / "run" / "history.jsonl")),
        read_observed(place / "run")["T01"],
    )


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """The tutorial's terminal, whose power goes between two sales."""
    return _seen(tmp_path_factory.mktemp("cut"), "my_terminal.py:MyTerminal", CUT)


def test_each_event_that_comes_from_the_software_has_its_line_and_no_other_has_one(cut: Seen) -> None:
    exchange = cut.line("line.sendall(frame)")
    asks = cut.line('"0200",', above=1)  # where the call begins
    up = [place for place, event in cut.of("MessageSent") if getattr(event, "direction", "") == "up"]
    assert f"{cut.line('if not self.batch and not')} sale > " in up[0] and up[0].endswith(f" > {exchange} exchange")
    assert f"{asks} sale > {exchange} exchange" in up
    down = {place for place, event in cut.of("MessageSent") if getattr(event, "direction", "") == "down"}
    assert down == {""}, "the host speaks"
    shown = {getattr(event, "kind", ""): place for place, event in cut.of("ScreenShown")}
    # The harness shows what the method returned; between two actions nobody's code runs.
    assert shown["approved"] == f"{cut.line('def sale')} sale returned" and shown["idle"] == ""
    ended = {getattr(event, "outcome", ""): place for place, event in cut.of("ActionEnded")}
    assert ended["approved"] == f"{cut.line('def sale')} sale returned"
    for kind in (
        "IntentOpened", "Presented", "ActionStarted", "IntentClosed", "LedgerChanged", "MessageDelivered", "FaultStruck",
        "StorageAfterPowerLoss", "Booted", "PowerLost",
    ):  # fmt: skip
        places = {place for place, _ in cut.of(kind)}
        assert places == {""}, kind


def test_each_operation_of_the_disk_has_the_line_that_made_it(cut: Seen) -> None:
    log, stan = f"{cut.line(APPENDS)} sale", f"{cut.line(COUNTS)} next_stan"
    done = [
        (words, place)
        for disk in cut.observed.disks
        for words, place in zip(disk.done, disk.done_at or ("",) * len(disk.done), strict=True)
    ]
    assert len(done) > 12
    for words, place in done:
        if "log.jsonl" in words and "append" in words:
            assert place == log, words
        if "state.json" in words and "append" in words:
            assert place.endswith(f" > {stan}"), words
    risky = next(disk for disk in cut.observed.disks if any("log.jsonl" in each for each in disk.at_risk))
    assert (
        dict(zip(risky.at_risk, risky.at_risk_at, strict=True))["the append of 17 bytes at 0 in /log.jsonl was lost"]
        == log
    )


def test_what_the_cut_took_is_told_with_the_line_of_each_write_and_what_it_lacked(cut: Seen) -> None:
    (taken,) = cut.observed.taken
    (lost,) = [event for _, event in cut.of("StorageAfterPowerLoss")]
    assert type(cut.events[taken.number]).__name__ == "StorageAfterPowerLoss" and taken.at_us == lost.at_us
    assert tuple(each.text for each in taken.lost) and {each.text for each in taken.lost} == set(
        getattr(lost, "details", ())
    )
    of_log = [each for each in taken.lost if "log.jsonl" in each.text]
    assert {each.why for each in taken.lost} == {"unsynced"} and len(of_log) == 2
    assert {each.place for each in of_log} == {f"{cut.line(APPENDS)} sale"}


def test_the_page_has_them(cut: Seen) -> None:
    page: FindingPage = gather(cut.directory.parent / "plain", Telling(jobs=2, trust=True)).findings[0]
    known = {each.number: each for each in cut.observed.places}
    assert {each.number: (each.place, each.returned) for each in page.steps if each.place} == {
        each.number: (known[each.number].path, known[each.number].returned)
        for each in page.steps
        if each.number in known
    }
    assert [(each.blamed, each.lost) for each in page.taken] == [(True, cut.observed.taken[0].lost)]


def test_lines_of_what_is_printed_probed_made_durable_and_refused(tmp_path: Path) -> None:
    seen = _seen(tmp_path, "talkative.py:Talkative", FAILS, TALKATIVE)
    runs = f"{seen.line('RUNS')} run > "
    assert {place for place, _ in seen.of("SoftwareLogged")} == {f"{runs}{seen.line('LOGGED')} boot"}
    assert {place for place, _ in seen.of("ProbeReached")} == {f"{runs}{seen.line('PROBED')} close_day"}
    synced = f"{runs}{seen.line('FIRST')} close_day > {seen.line('SYNCED')} keep"
    ((refused, _),) = seen.of("StorageFailed")
    assert refused == synced
    barriers = {(getattr(event, "kind", ""), place) for place, event in seen.of("Barrier")}
    assert barriers == {("fsync", synced), ("sync", "")}, (
        "a clean restart writes back, while the software waits in its loop"
    )
    failed = [place for place, event in seen.of("ActionEnded") if getattr(event, "outcome", "") == "failed"]
    assert failed == [f"{seen.line('def close_day')} close_day returned"], "whatever calls the loop"
    base = tmp_path / EXAMPLE.name
    sent = [place for place, event in seen.of("MessageSent") if place and getattr(event, "mti", "") == "0500"]
    assert sent and {place.rpartition(" > ")[2] for place in sent} == {
        f"{seen.line('line.sendall(frame)', base)} exchange"
    }
    marks = [
        (words, place)
        for disk in seen.observed.disks
        for words, place in zip(disk.done, disk.done_at, strict=False)
        if ".mark" in words
    ]
    by_words = {words.partition(" of ")[0]: place.rpartition(" > ")[2] for words, place in marks}
    assert (
        by_words["the append"] == f"{seen.line('FLUSHED')} keep" and by_words["fsync"] == f"{seen.line('SYNCED')} keep"
    )


CUTS = "faults:\n" + "".join(
    f"  - {{type: power_loss, name: c{n}, at: {{action: sale, occurrence: {m}, storage_operation: {m}}}, off_for: 20 s}}\n"
    for n, m in zip(range(1, 6), range(2, 7), strict=True)
)


@pytest.mark.parametrize("medium", ["posix-weak", "jffs2", "lying-flush"])
def test_every_operation_that_a_cut_takes_has_its_line_and_only_a_medium_that_lies_keeps_not(
    tmp_path: Path, medium: str
) -> None:
    (tmp_path / "it.yaml").write_text(hour(f"profile: {medium}\n{CUTS}"))
    request = ObservedRequest(
        scenario=str(tmp_path / "it.yaml"),
        terminal="no_directory_fsync",
        out_dir=str(tmp_path / "run"),
        watched=("T01",),
    )
    launch(request, inside=WATCHED)
    lost = [each for taken in read_observed(tmp_path / "run")["T01"].taken for each in taken.lost]
    assert lost and all(".py:" in each.place for each in lost), "also in the middle of a call"
    assert ("kept_not" in {each.why for each in lost}) == registry.get(medium).flush_lies
    assert all(each.by for each in lost if each.why == "kept_not")


def test_a_failed_fsync_is_where_its_pages_were_dropped(tmp_path: Path) -> None:
    cut = "  - {type: power_loss, at: {action: settle, occurrence: 2}}\n"
    seen = _seen(tmp_path, "talkative.py:Talkative", f"{FAILS}{cut}", TALKATIVE)
    lost = [each for taken in seen.observed.taken for each in taken.lost if ".mark" in each.text]
    dropped = [each for each in lost if each.why == "dropped"]
    assert dropped and {each.by.rpartition(" > ")[2] for each in dropped} == {f"{seen.line('SYNCED')} keep"}, lost


# ---------------------------------------------------------------- without a run

WROTE, NAMED, MOVED = Write(2, 0, b"x", 0), Link(1, "a", 2, 0o100644), Rename(1, "a", 5, "b", 2, None)


_VOLUME = Volume("data", "/data", 1 << 20)


@pytest.mark.parametrize(
    ("call", "made", "not_made"),
    [
        (StorageCall(1, "write", _VOLUME, "/data/a", 2, 5, 9), Write(2, 9, b"12", 9), Write(2, 0, b"12345", 9)),
        (StorageCall(1, "write", _VOLUME, "/data/a", 2, 5, 9), Write(2, 9, b"12345", 0), Write(3, 9, b"12345", 0)),
        (StorageCall(1, "truncate", _VOLUME, "/data/a", 2, 5), Truncate(2, 0, 5), Write(2, 0, b"", 0)),
        (StorageCall(1, "create", _VOLUME, "/data/a", 0), Link(1, "a", 2, 0o100644), Link(1, "b", 2, 0o100644)),
        (StorageCall(1, "unlink", _VOLUME, "/data/a", 2), Unlink(1, "a", 2), Link(1, "a", 2, 0o100644)),
        (
            StorageCall(1, "rename", _VOLUME, "/data/b", 2),
            Rename(1, "a", 1, "b", 2, None),
            Rename(1, "b", 1, "a", 2, None),
        ),
        (StorageCall(1, "fsync", _VOLUME, "/data", 1), SyncDirectory(1), SyncDirectory(2)),
        (StorageCall(1, "fsync", _VOLUME, "/data/a", 2), DropDirty(2), SyncFile(3)),
        (StorageCall(1, "sync", _VOLUME, "/data", 1), SyncVolume(), SyncVolume(written_back=True)),
        (StorageCall(1, "utime", _VOLUME, "/data/a", 2), None, SetMode(2, 0o100644)),
    ],
)
def test_what_a_call_does_is_told_from_what_a_fault_does_meanwhile(
    call: StorageCall, made: Op | None, not_made: Op
) -> None:
    assert made is None or made_by(call, made)
    assert not made_by(call, not_made)


@pytest.mark.parametrize(
    ("log", "under_way", "why", "by"),
    [
        ([WROTE], None, "unsynced", None),
        ([NAMED, SyncFile(2)], None, "unsynced_name", None),
        ([NAMED, SyncDirectory(9)], None, "unsynced_name", None),
        ([NAMED, SyncDirectory(1)], None, "kept_not", 1),
        ([Rename(1, "a", 1, "b", 2, None), SyncDirectory(1)], None, "kept_not", 1),
        # A move has a name in each of two directories.
        ([MOVED, SyncDirectory(5)], None, "unsynced_name", None),
        ([MOVED, SyncDirectory(1)], None, "unsynced_name", None),
        ([MOVED, SyncDirectory(1), SyncDirectory(5)], None, "kept_not", 2),
        ([MOVED, SyncDirectory(1)], SyncDirectory(5), "syncing", -1),
        ([MOVED], SyncDirectory(5), "unsynced_name", None),
        ([MOVED, SyncVolume()], None, "kept_not", 1),
        ([WROTE, SyncVolume(written_back=True)], None, "unsynced", None),
        ([SetMode(2, 0o100600), SyncFile(2)], None, "kept_not", 1),
        ([SetMode(2, 0o100600), SyncFile(2, data_only=True)], None, "unsynced", None),
        ([SetMode(2, 0o100600), DropDirty(2), SyncFile(2)], None, "kept_not", 2),
        ([WROTE, SyncFile(2, data_only=True)], None, "kept_not", 1),
        ([WROTE, SyncFile(3)], None, "unsynced", None),
        ([WROTE, SyncFile(3), SyncVolume(), SyncFile(2)], None, "kept_not", 2),
        ([WROTE, DropDirty(2), SyncFile(2)], None, "dropped", 1),
        ([WROTE, DropDirty(3), SyncFile(2)], None, "kept_not", 2),
        ([WROTE], WROTE, "under_way", None),
        ([WROTE], SyncFile(2), "syncing", -1),
        ([WROTE], SyncFile(3), "unsynced", None),
    ],
)
def test_why_the_medium_lacks_an_operation(log: list[Op], under_way: Op | None, why: str, by: int | None) -> None:
    expected = under_way if by == -1 else None if by is None else log[by]
    assert why_lost(log, 0, under_way) == (why, expected)


def test_an_error_of_whoever_watches_does_not_reach_the_software_and_is_told_at_the_end() -> None:
    apart, seen = Apart(), []

    def look(number: int) -> None:
        seen.append(1 // number)

    looked = apart.of(look)
    looked(1)
    looked(0)
    looked(1)
    assert seen == [1], "nothing is seen from then on"
    with pytest.raises(ZeroDivisionError):
        apart.check()


def test_of_many_lost_operations_those_made_nearest_to_the_proof_are_shown_in_their_order() -> None:
    lost = tuple(Lost(f"write {place}", at_us=100 * place) for place in range(50))
    finding = FindingView(1, "no_lost_approval", "T01", 2_010, "T01 lost it", fault="power_loss", cause=1)
    (taken,) = taken_by([Taken(2, 9_000, "data", lost, 3)], finding, ())
    assert [each.text for each in taken.lost] == [f"write {place}" for place in range(17, 25)]
    assert (taken.left_out, taken.blamed) == (3 + 50 - SHOWN_MAX, True)
    (taken,) = taken_by([Taken(2, 9_000, "data", lost)], finding, (), (0, 4_900))
    assert [each.text for each in taken.lost] == [f"write {place}" for place in (0, 1, 2, 3, 46, 47, 48, 49)]


def test_the_blamed_cut_is_the_one_that_the_blamed_strike_has_made_on_all_its_volumes() -> None:
    def cut(at_us: int) -> Taken:
        return Taken(at_us, at_us, "data", (Lost("the write was lost"),))

    def blamed(cuts: list[Taken], cause: int | None, fault: str = "power_loss") -> list[int]:
        finding = FindingView(1, "no_lost_approval", "T01", 50, "T01 lost it", fault=fault, cause=cause)
        return [each.number for each in taken_by(cuts, finding, ()) if each.blamed]

    cuts = [cut(10), cut(20), cut(60), cut(70)]
    assert [blamed(cuts, number) for number in (5, 10, 19, 59, 70, None)] == [[10], [20], [20], [60], [], []]
    assert blamed([*cuts, cut(60)], 30) == [60, 60], "of each volume"
    assert [blamed(cuts, number, "overheating") for number in (5, 65)] == [[60], [70]], "it cuts again and again"
    assert blamed(cuts[:2], 5, "overheating") == [20]
    assert blamed(cuts, 5, "crash") == blamed(cuts, 5, "scheduled_restart") == [], "it cuts no power"
    assert blamed(cuts, 5, "host_silent") == blamed(cuts, 5, "") == blamed([], 5) == []
    # Beside it those that are shown, and none that took nothing.
    finding = FindingView(1, "no_lost_approval", "T01", 50, "T01 lost it", fault="power_loss", cause=30)
    told = taken_by([*cuts, Taken(60, 60, "system"), Taken(80, 80, "data")], finding, {10, 80})
    assert [(each.number, each.volume, each.blamed) for each in told] == [(10, "data", False), (60, "data", True)]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("6222021234567890123.py", "622202*********0123.py"),
        ("a\x1b[31m\nb\u202e.py", "a\ufffd[31m\ufffdb\ufffd.py"),
        ("x" * 1000, "x" * 77 + "..."),
    ],
)
def test_code_that_is_put_together_while_it_runs_may_be_called_anything(tmp_path: Path, name: str, shown: str) -> None:
    scope: dict[str, Any] = {"sys": sys}
    exec(compile("def f():\n    return sys._getframe()\n", f"{tmp_path}/{name}", "exec"), scope)
    whereabouts = Whereabouts((f"{tmp_path}/",))
    assert whereabouts.lines(scope["f"]()).path == f"{shown}:2 f"
    assert whereabouts.named(scope["f"].__code__) == f"{shown}:1 f"


def test_the_software_s_own_lines_are_those_of_its_whole_package() -> None:
    shipped = load("reference", {"reference": CATALOGUE["reference"].spec}, share_modules=True)
    for module, file, own in (
        ("till", "/shop/till.py", "/shop/"),
        ("shop.app.main", "/lib/site-packages/shop/app/main.py", "/lib/site-packages/shop/"),
        ("shop", "/lib/shop/__init__.py", "/lib/shop/"),
        (shipped.module_name, shipped.file, f"{Path(shipped.file).parent}/"),
    ):
        assert own_files(replace(shipped, module_name=module, file=file)) == (own,)


def test_software_that_is_installed_among_libraries_has_lines_of_its_own() -> None:
    home = "/venv/lib/python3.11/site-packages/shop/"
    scope: dict[str, Any] = {"sys": sys}
    exec(compile("def f():\n    return sys._getframe()\n", f"{home}app/till.py", "exec"), scope)
    whereabouts = Whereabouts((home,))
    assert whereabouts.lines(scope["f"]()).path == "till.py:2 f"
    assert whereabouts.named(scope["f"].__code__) == "till.py:1 f"
    assert Whereabouts(("/elsewhere/",)).named(scope["f"].__code__) == "", "whose library it is"


def test_a_library_below_the_software_s_directory_is_a_library(tmp_path: Path) -> None:
    def function_in(name: str, call: Callable[[], FrameType] = sys._getframe) -> Callable[[], FrameType]:
        scope: dict[str, Any] = {"call": call}
        exec(compile("\ndef f():\n    return call()\n", name, "exec"), scope)
        made: Callable[[], FrameType] = scope["f"]
        return made

    library = function_in(f"{tmp_path}/.venv/lib/python3.11/site-packages/lib.py")
    own = function_in(f"{tmp_path}/till.py", library)
    loop = function_in(f"{tmp_path}/.venv/lib/python3.11/site-packages/harness/contract/terminal.py", own)
    other = function_in(f"{tmp_path}2/else.py", library)
    whereabouts = Whereabouts((f"{tmp_path}/",))
    assert whereabouts.lines(loop()).path == whereabouts.site(loop()).path == "till.py:3 f"
    assert whereabouts.lines(library()).functions[0].startswith(f"{Path(__file__).name}:"), "who called the library"
    assert whereabouts.lines(other()).functions[0] == "else.py:3 f", "a directory whose name begins alike"
    assert Whereabouts(None).lines(own()).path == "", "a program has no stack that could be read"
