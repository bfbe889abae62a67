"""Snapshots of a run, and runs that begin on one: nothing changes by looking, and what is older than a run is not its guilt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.engine.images import absolute, begun_on
from harness.engine.request import RunRequest, SnapshotRequest, replay_line
from harness.engine.run import Interrupted, Run, run_plan
from harness.engine.snapshots import Camera, instant
from harness.engine.verdict import Verdict
from harness.history.codec import read_history
from harness.history.events import ImageLoaded, Inspected, LedgerChanged, RunStarted
from harness.scenario.build import device_spec
from harness.scenario.field_data import load_images
from harness.scenario.plan import Plan
from harness.sut import interpreter, software
from harness.sut.software import Software

from .small_runs import _software, found, shipped, small, told

BUSY = 'days: {count: 1, open: "09:00", close: "11:00"}\nsales_per_day: 24'
CUT = BUSY + '\nfaults: [{type: power_loss, at: {time: "10:00:00"}}]'
HERE = "tests.engine.image_terminals"


def _loaded(terminal: str) -> Software:
    return software.load(terminal) if ":" in terminal else _software(terminal)


def taken(
    plan: Plan, place: Path, *at: str, terminal: str = "reference", volatile: bool = False, of: str = "",
    images: Sequence[str] = (), seed: int = 1,
) -> Verdict:  # fmt: skip
    """Run ``plan`` and leave a snapshot of each instant in ``place``."""
    plan, begun = begun_on(plan, images)
    request = RunRequest(scenario=plan.name, seed=seed, snapshot=SnapshotRequest(at, str(place), of, volatile))
    with interpreter.installed():
        return run_plan(plan, _loaded(terminal), request, lambda _: None, None, begun)


def begun(
    plan: Plan, *images: str | Path, terminal: str = "reference", seed: int = 7, out: Path | None = None
) -> Verdict:
    """Run ``plan`` on ``images``."""
    given = absolute([str(each) for each in images])
    plan, loaded = begun_on(plan, given)
    request = RunRequest(scenario=plan.name, seed=seed, images=given, out_dir=None if out is None else str(out))
    with interpreter.installed():
        return run_plan(plan, _loaded(terminal), request, lambda _: None, None, loaded)


def bare(place: Path) -> Path:
    """The same directory as it comes from the field."""
    (place / "snapshot.json").unlink()
    return place


# ---------------------------------------------------------------- looking


def test_looking_changes_nothing(tmp_path: Path) -> None:
    plan = small(CUT)
    with interpreter.installed():
        plain = run_plan(plan, _software("reference"), RunRequest(scenario="x", seed=1), lambda _: None)
    looked = taken(plan, tmp_path, "09:30", "day1+09:30:00.000001", "10:00", "power_loss#1", "end")
    assert looked.history_sha256 == plain.history_sha256
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "09_30", "10_00", "day1_09_30_00.000001", "end", "power_loss#1",
    ]  # fmt: skip


def test_many_snapshots_of_a_day_cost_little_more_than_one(tmp_path: Path) -> None:
    plan = small('days: {count: 1, open: "09:00", close: "21:00"}\nsales_per_day: 120')
    at = tuple(f"{minute // 60:02d}:{minute % 60:02d}" for minute in range(9 * 60, 21 * 60, 5))
    request = RunRequest(scenario="x", seed=1, snapshot=SnapshotRequest(at, str(tmp_path / "unused")))
    cameras: list[Camera] = []
    with pytest.MonkeyPatch.context() as patch, interpreter.installed():
        patch.setattr(Camera, "finish", lambda camera: cameras.append(camera))  # noqa: PLW0108 - as a method
        run_plan(plan, _software("filequeue"), request, lambda _: None)
    (camera,) = cameras
    assert len(camera.taken) == len(at) == 144
    images = [each.volumes["data"].image() for each in camera.taken.values()]
    whole = sum(len(content) for image in images for content in image.files.values())
    held = camera.shelves["data"].held_bytes
    assert held * 10 < whole, f"{held:,} of {whole:,} bytes are held"


def test_durable_is_what_a_cut_is_sure_to_leave_and_volatile_what_software_sees(tmp_path: Path) -> None:
    plan = replace(small(BUSY), profile="posix-weak")
    for name, volatile in (("durable", False), ("volatile", True)):
        taken(plan, tmp_path / name, "10:30", terminal="filequeue", volatile=volatile)
    sizes = {
        name: sum(each.stat().st_size for each in (tmp_path / name / "10_30/data").rglob("*") if each.is_file())
        for name in ("durable", "volatile")
    }
    # It never calls fsync, and posix-weak promises nothing else.
    assert sizes["durable"] == 0 < sizes["volatile"]


def test_durable_has_what_was_synced(tmp_path: Path) -> None:
    """The reference syncs before it shows: all that the host approved is there."""
    plan = small(BUSY)
    taken(plan, tmp_path / "s", "10:30")
    data = load_images(tmp_path / "s/10_30", device_spec(plan, "T01", 0))
    assert data.record is not None and data.record.acquirer is not None
    files = {f"/data{path}": content or b"" for path, content in data.images["data"].tree().items()}
    seen = _software("reference").inspect(files)
    assert seen is not None
    approved = {each.stan for each in data.record.acquirer.entries if each.state == "APPROVED" and each.kind == "sale"}
    assert {each.stan for each in seen.records if each.state == "active" and each.kind == "sale"} == approved != set()


def test_after_a_cut_it_is_the_image_that_the_cut_left(tmp_path: Path) -> None:
    plan = replace(small(CUT), profile="posix-weak")
    images = []

    class Watching(Run):
        def _watch(self, built, judge):  # type: ignore[no-untyped-def]
            super()._watch(built, judge)
            station = built.world.stations[0]
            cut = station.durability.cut

            def watched(*arguments):  # type: ignore[no-untyped-def]
                left = cut(*arguments)
                images.append(left[0]["data"])
                return left

            station.durability = Cutting(station.durability, watched)

    class Cutting:
        def __init__(self, real, cut):  # type: ignore[no-untyped-def]
            self._real, self.cut = real, cut

        def __getattr__(self, name):  # type: ignore[no-untyped-def]
            return getattr(self._real, name)

    request = RunRequest(scenario="x", seed=3, snapshot=SnapshotRequest(("power_loss#1",), str(tmp_path / "s")))
    (tmp_path / "run").mkdir()
    with interpreter.installed():
        Watching(plan, _software("filequeue"), request, tmp_path / "run", lambda _: None, Interrupted()).go()
    (left,) = images
    data = load_images(tmp_path / "s/power_loss#1", device_spec(plan, "T01", 0))
    assert data.images["data"].digest() == left.digest()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("day2+14:30", 138_600_000_000), ("26h", 93_600_000_000), ("14:30", 52_200_000_000), ("day2", 86_400_000_000),
        ("day 2+00:00:01.5", 86_401_500_000), ("90min", 5_400_000_000),
    ],
)  # fmt: skip
def test_instants_as_people_name_them(text: str, expected: int) -> None:
    assert instant(text, replace(small(), days=replace(small().days, count=2))).at_us == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("day2+14:30", "1 trading days; for what comes after them say 'end'"),
        ("day0+10:00", "1 trading days"),
        ("soon", "expected a time such as 26h"),
        ("", "expected a time"),
        ("day1+nine", "expected a time"),
        ("power_los#1", "no fault named 'power_los'; did you mean 'power_loss'?"),
        ("power_loss#0", "counted from 1"),
        ("#1", "expected a time"),
    ],
)
def test_instants_that_the_run_does_not_have(text: str, words: str) -> None:
    with pytest.raises(UsageError) as raised:
        instant(text, small(CUT))
    assert words in str(raised.value)


# ---------------------------------------------------------------- beginning on one


def test_a_snapshot_comes_back_whole_and_can_be_taken_again(tmp_path: Path) -> None:
    """Volumes, NVRAM, clock, pad and the host's view: a snapshot of a run's first moment is the one it began on."""
    plan = small(BUSY)
    taken(plan, tmp_path / "one", "10:30")
    later = replace(plan, days=replace(plan.days, count=1))
    taken(later, tmp_path / "two", "00:00", images=[f"={tmp_path}/one/10_30"], seed=9)
    one, two = (load_images(tmp_path / each, device_spec(plan, "T01", 0)) for each in ("one/10_30", "two/00_00"))
    assert {name: image.digest() for name, image in one.images.items()} == {
        name: image.digest() for name, image in two.images.items()
    }
    assert one.record is not None and two.record is not None
    assert (one.nvram, one.record.sealed, one.record.acquirer) == (two.nvram, two.record.sealed, two.record.acquirer)
    assert any(one.nvram) and one.record.sealed is not None and one.record.sealed.encryptions > 0
    # The calendar goes on: the second run begins on the day after.
    assert two.record.wall_us is not None and one.record.wall_us is not None
    assert 0 < two.record.wall_us - one.record.wall_us < 86_400_000_000


@pytest.mark.parametrize("terminal", ["reference", f"{HERE}:Blind", "jsonfile"])
@pytest.mark.parametrize("how", ["snapshot", "field"])
def test_what_is_older_than_the_run_is_not_its_guilt(tmp_path: Path, terminal: str, how: str) -> None:
    """In the middle of a batch, just after a settlement, and as a cut left it: each goes on without a finding."""
    at = ("09:40", "end", "power_loss#1") if terminal != "jsonfile" else ("09:40", "end")
    taken(small(CUT if terminal != "jsonfile" else BUSY), tmp_path / "s", *at, terminal=terminal)
    for place in sorted((tmp_path / "s").iterdir()):
        if how == "field":
            bare(place)
        verdict = begun(small("terminals: 2"), place, terminal=terminal)
        assert verdict.status == "pass", f"{place.name}: {told(verdict)}"
        assert {"2 agreement", "12 settlement_exactly_once"} <= set(verdict.checked)


def test_what_a_pad_in_the_field_had_sealed_excuses_from_then_on(tmp_path: Path) -> None:
    """Without ``inspect`` the totals differ; the upload wants card numbers that nobody here can open; the software dies of it."""
    taken(small(BUSY), tmp_path / "s", "09:40", terminal=f"{HERE}:BlindJson")
    verdict = begun(small(), tmp_path / "s/09_40", terminal=f"{HERE}:BlindJson")
    assert verdict.status == "pass" and not any("PIN pad" in each.reason for each in verdict.not_checked), told(verdict)
    verdict = begun(small(), bare(tmp_path / "s/09_40"), terminal=f"{HERE}:BlindJson")
    assert not verdict.findings, told(verdict)
    assert {each.invariant for each in verdict.not_checked if "a PIN pad in the field had sealed" in each.reason} >= {
        1,
        2,
        24,
    }


def test_the_history_says_on_what_it_began_and_what_both_sides_had(tmp_path: Path) -> None:
    taken(small(BUSY), tmp_path / "s", "10:30")
    expected = {
        "snapshot": ("reference", "snapshot of T01 in small, seed 1, at day 1 10:30:00.000"),
        "records": ("reference", "field data"),
        "adopted": (f"{HERE}:Blind", "field data"),
    }
    for how, (terminal, source) in expected.items():
        begun(small(), tmp_path / "s/10_30", terminal=terminal, out=tmp_path / how)
        events = [event for _, event in read_history(tmp_path / how / "history.jsonl")]
        (image,) = [event for event in events if isinstance(event, ImageLoaded)]
        assert (image.acquirer, image.source) == (how, source)
        old = [event for event in events if isinstance(event, LedgerChanged) and event.reason == "before the run"]
        if how == "adopted":
            assert not old
        else:
            seen = next(event for event in events if isinstance(event, Inspected) and event.when == "loaded")
            assert (
                {each.stan for each in old}
                == {each.stan for each in seen.records if each.state == "active" and each.kind != "void"}
                != set()
            )
        assert isinstance(events[0], RunStarted)
        assert events[0].start_date == ("2026-03-03" if how == "snapshot" else "2026-03-02")
        if how == "snapshot":
            bare(tmp_path / "s/10_30")


def test_records_that_both_sides_had_may_not_be_dropped(tmp_path: Path) -> None:
    """The check sees: software that loses what it began with is guilty, though it sold none of it in this run."""
    taken(small(BUSY), tmp_path / "s", "10:30", terminal="jsonfile")
    for _ in range(2):
        verdict = begun(small(), tmp_path / "s/10_30", terminal=f"{HERE}:Forgetful")
        assert 2 in found(verdict), told(verdict)
        bare(tmp_path / "s/10_30") if (tmp_path / "s/10_30/snapshot.json").exists() else None


def test_what_happens_in_the_run_is_judged_as_ever(tmp_path: Path) -> None:
    taken(small(BUSY), tmp_path / "s", "10:30", terminal="filequeue")
    plan = replace(small(CUT), profile="posix-weak", people=replace(small().people, settles_on_time_percent=100.0))
    without = begun(plan, terminal="filequeue", seed=2)
    on_it = begun(plan, tmp_path / "s/10_30", terminal="filequeue", seed=2)
    assert found(without) and found(on_it), told(on_it)


def test_a_state_that_it_cannot_boot_from_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "field").mkdir()
    (tmp_path / "field/terminal.json").write_bytes(b'{"settings": {"sta')
    verdict = begun(small(), tmp_path / "field", terminal="jsonfile")
    assert verdict.status == "fail" and 24 in found(verdict), told(verdict)
    assert f"--image {tmp_path}/field" in verdict.replay


def test_what_its_pad_had_sealed_opens_again_on_any_seed(tmp_path: Path) -> None:
    plan = small(BUSY + "\nterminals: 2")
    taken(plan, tmp_path / "s", "end", terminal=f"{HERE}:Seals", of="T02")
    verdict = begun(small(), f"T01={tmp_path}/s/end", terminal=f"{HERE}:Seals", seed=99)
    assert verdict.probes == ("pad_opened",)
    verdict = begun(small(), bare(tmp_path / "s/end"), terminal=f"{HERE}:Seals", seed=99)
    assert verdict.probes == ("pad_did_not_open",)


def test_one_terminal_begins_on_an_image_and_the_others_empty(tmp_path: Path) -> None:
    taken(small(BUSY), tmp_path / "s", "end")
    out = tmp_path / "out"
    verdict = begun(small("terminals: 3"), f"T02={tmp_path}/s/end", out=out)
    assert verdict.status == "pass", told(verdict)
    assert [event.device for _, event in read_history(out / "history.jsonl") if isinstance(event, ImageLoaded)] == [
        "T02"
    ]


def test_the_same_image_gives_the_same_run(tmp_path: Path) -> None:
    taken(shipped("power/cut_during_settlement.yaml", terminals=1), tmp_path / "s", "day1+18:00")
    first, second = (begun(small(CUT), tmp_path / "s/day1_18_00").history_sha256 for _ in range(2))
    assert first == second


def test_the_command_line_side(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    images = absolute([str(tmp_path / "a b"), f"T02={tmp_path}"])
    assert images == (f"={tmp_path}/a b", f"T02={tmp_path}")
    line = replay_line(RunRequest(scenario="x", images=images), "x.yaml", "reference", 1)
    assert line.endswith(f"--image '{tmp_path}/a b' --image T02={tmp_path}")
    for given, words in (
        ([""], "--image is empty"),
        ([str(tmp_path / "none")], "there is no directory"),
        ([str(tmp_path), str(tmp_path)], "one directory only"),
    ):
        with pytest.raises(UsageError, match=words):
            absolute(given)
    for plan, words in (
        (small(), "no terminal has that name"),
        (replace(small(), disk="pyfakefs"), "default disk only"),
    ):
        with pytest.raises(UsageError, match=words):
            begun_on(plan, images)
