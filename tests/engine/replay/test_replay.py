"""Replays: the same finding and the same history from one file; where the history parts; what may be run from a bundle."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from harness.core.errors import UsageError
from harness.engine.launch import launch
from harness.engine.replay.make import FINDING_NAME, bundle_below, bundle_of, bundle_run, keep_bundle
from harness.engine.replay.marks import MARK_BYTES, marks_of, parting
from harness.engine.replay.replay import prepare, replay
from harness.engine.request import RunRequest, SnapshotRequest
from harness.engine.verdict import Verdict
from harness.reporters.replay import render
from harness.results.bundle import read_bundle, write_bundle
from harness.scenario.load import load_text
from harness.terminals.small_scenarios import hour

SCENARIO = hour("""
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, attempts: 1}
faults:
  - {type: host_silent, at: {action: sale, occurrence: 3}}
""")
DIALECT = "name: shop bank\nbase: unionpay\nlimits: {amount_limit_fen: 5000000}\n"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Verdict]:
    """A run that found something, with its bundle."""
    place = tmp_path_factory.mktemp("kept")
    (place / "case.yaml").write_text(SCENARIO)
    request = RunRequest(scenario=str(place / "case.yaml"), terminal="silent_charge", out_dir=str(place / "run"))
    verdict = launch(request)
    bundle = keep_bundle(request, verdict, place / "run")
    assert bundle == place / "run" / FINDING_NAME
    return place, verdict


def bundle_in(place: Path) -> Path:
    return place / "run" / FINDING_NAME


def test_the_same_finding_and_history_come_again(kept: tuple[Path, Verdict]) -> None:
    place, verdict = kept
    again = replay(bundle_in(place))
    assert again.again and again.parted is None and not again.versions
    assert again.verdict.history_sha256 == verdict.history_sha256 and again.verdict.diverged == 0
    assert again.info.signature == again.signatures[0] and again.info.spec == "silent_charge"
    assert "harness replay" in again.verdict.replay


def test_what_a_bundle_says_of_itself_is_text_and_its_faults_name_it(
    kept: tuple[Path, Verdict], tmp_path: Path
) -> None:
    place, _ = kept
    whole = read_bundle(bundle_in(place))
    evil = "\x1b[2J\n::error::4000123412341234567"
    info = msgspec.structs.replace(whole.info, scenario=evil, signature=evil, name=evil, python=evil)
    text = render(replay(write_bundle(tmp_path / "evil.zip", replace(whole, info=info))))
    assert "\x1b" not in text and "\n::error" not in text and "4000123412341234567" not in text
    broken = write_bundle(tmp_path / "broken.zip", replace(whole, resolved=""))
    with pytest.raises(UsageError) as caught:
        replay(broken)
    assert str(caught.value).startswith(f"{broken}: resolved.yaml:1:1: the file is empty")


def test_mended_software_parts_where_it_does_something_else(kept: tuple[Path, Verdict], tmp_path: Path) -> None:
    place, _ = kept
    mended = replay(bundle_in(place), terminal="reference", until="end", disk_out=tmp_path / "disk")
    assert not mended.again and mended.verdict.status == "pass"
    parted = mended.parted
    assert parted is not None and parted.line
    before = (place / "run" / "history.jsonl").read_text().split("\n")
    # The first events tell of the software by name, which counts for nothing; up to the parting the rest is the same.
    assert 0 < parted.event < len(before) and "reference.in_doubt" in parted.line != before[parted.event]
    assert (tmp_path / "disk" / "data").is_dir() and (tmp_path / "disk" / "snapshot.json").is_file()


def test_another_finding_is_not_the_one_that_was_bundled(kept: tuple[Path, Verdict], tmp_path: Path) -> None:
    bundle = read_bundle(bundle_in(kept[0]))
    # The software finds as much as before, of the same invariant, and nothing of this signature.
    other = msgspec.structs.replace(bundle.info, signature="00000000")
    again = replay(write_bundle(tmp_path / "other.zip", replace(bundle, info=other)))
    assert not again.again and set(again.signatures) == set(bundle.info.signatures) and again.parted is None


def test_a_bundle_is_of_the_finding_that_was_asked_for(kept: tuple[Path, Verdict]) -> None:
    place, verdict = kept
    first, *others = read_bundle(bundle_in(place)).info.signatures
    request = RunRequest(scenario=str(place / "case.yaml"), terminal="silent_charge")
    infos = [bundle_of(request, verdict, place / "run", each).info for each in (None, first, *others)]
    assert others and [each.signature for each in infos] == [first, first, *others]
    assert len({(each.invariant, each.summary) for each in infos}) == 1 + len(others)
    with pytest.raises(UsageError, match="no finding of signature 00000000"):
        bundle_of(request, verdict, place / "run", "00000000")


@pytest.mark.parametrize("until", ["120", "day1+09:20", "host_silent#1"])
def test_what_led_up_to_an_instant_is_shown(kept: tuple[Path, Verdict], until: str, tmp_path: Path) -> None:
    seen = replay(bundle_in(kept[0]), until=until, disk_out=tmp_path / "disk")
    assert seen.again and len(seen.last) == 20
    number, told = seen.last[-1].split(maxsplit=1)
    if until == "120":
        assert number == "120"
    elif until.startswith("day"):
        assert told < "day 1 09:20:00.001"
    else:
        assert "FAULT host_silent strikes T01" in told
    assert (tmp_path / "disk" / "snapshot.json").is_file() and seen.parted is None


@pytest.mark.parametrize("until", ["power_loss#1", "day9", "soon"])
def test_instants_that_the_run_does_not_have_are_refused(kept: tuple[Path, Verdict], until: str) -> None:
    with pytest.raises(UsageError, match="--until"):
        replay(bundle_in(kept[0]), until=until)


def test_an_event_that_never_came_leaves_no_disk(kept: tuple[Path, Verdict], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did not come in this run"):
        replay(bundle_in(kept[0]), until="999999", disk_out=tmp_path / "disk")
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_does_not_decide_what_code_runs(kept: tuple[Path, Verdict], tmp_path: Path) -> None:
    bundle = read_bundle(bundle_in(kept[0]))
    for spec in ("os:system", "/tmp/evil.py:Evil", "exec:sh -c true", "Reference", ""):
        info = msgspec.structs.replace(bundle.info, spec=spec)
        path = write_bundle(tmp_path / "foreign.zip", replace(bundle, info=info))
        scratch = tmp_path / "scratch"
        with pytest.raises(UsageError, match="a bundle does not decide what code runs"):
            prepare(path, _fresh(scratch))
        assert prepare(path, _fresh(scratch), terminal="reference").request.terminal == "reference"
        assert prepare(path, _fresh(scratch), trust=True).request.terminal == spec
    info = msgspec.structs.replace(bundle.info, dialect="os:system")
    path = write_bundle(tmp_path / "foreign.zip", replace(bundle, info=info))
    with pytest.raises(UsageError, match="names a host dialect that is code"):
        prepare(path, _fresh(tmp_path / "scratch"))


def _fresh(directory: Path) -> Path:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    return directory


def test_an_older_bundle_that_lacks_decisions_still_runs_and_says_so(
    kept: tuple[Path, Verdict], tmp_path: Path
) -> None:
    bundle = read_bundle(bundle_in(kept[0]))
    lines = bundle.resolved.split("\n")
    lines = [line for line in lines if "/host.service/" not in line]
    info = msgspec.structs.replace(bundle.info, harness="0.0.1", python="3.10.0", faker="1.0")
    path = write_bundle(tmp_path / "old.zip", replace(bundle, resolved="\n".join(lines), info=info))
    again = replay(path)
    assert again.again and again.verdict.diverged > 10 and again.parted is not None
    assert [each.split()[0] for each in again.versions] == ["harness", "Python", "Faker"]


def test_images_and_a_dialect_travel_with_the_bundle(tmp_path: Path) -> None:
    (tmp_path / "case.yaml").write_text(hour())
    (tmp_path / "bank.yaml").write_text(DIALECT)
    shot = SnapshotRequest(("day1+09:30",), str(tmp_path / "shots"))
    launch(RunRequest(scenario=str(tmp_path / "case.yaml"), terminal="reference", snapshot=shot))
    (image,) = (tmp_path / "shots").iterdir()
    (image / "data" / "empty").mkdir()
    request = RunRequest(
        scenario=str(tmp_path / "case.yaml"),
        terminal="batch_stays",
        dialect=str(tmp_path / "bank.yaml"),
        images=(f"={image}",),
    )
    path = bundle_run(request, tmp_path / "case.zip")
    shutil.rmtree(tmp_path / "shots")
    (tmp_path / "bank.yaml").unlink()
    again = replay(path)
    assert again.again and again.parted is None and again.info.images == {"": "all"}


def test_marks_find_the_first_event_that_is_another_one(kept: tuple[Path, Verdict], tmp_path: Path) -> None:
    whole = (kept[0] / "run" / "history.jsonl").read_bytes().splitlines(keepends=True)
    other = tmp_path / "history.jsonl"

    def against(lines: list[bytes]) -> tuple[int, bool] | None:
        other.write_bytes(b"".join(lines))
        parted = parting(other, marks)
        return None if parted is None else (parted.event, bool(parted.line))

    other.write_bytes(b"".join(whole))
    marks = marks_of(other)
    assert len(marks) == MARK_BYTES * len(whole) and against(whole) is None
    assert against(whole[:50]) == (50, False)
    assert against([*whole, whole[-1]]) == (len(whole), True)
    assert against([*whole[:70], whole[70].replace(b'"at_us":', b'"at_us":1'), *whole[71:]]) == (70, True)
    assert against([whole[0].replace(b"silent_charge", b"reference"), *whole[1:]]) is None
    assert against([*whole[:-1], whole[-1][:-5]]) == (len(whole) - 1, False)


def test_there_is_no_bundle_of_a_run_that_found_nothing(tmp_path: Path) -> None:
    (tmp_path / "case.yaml").write_text(hour())
    assert load_text(hour()).faults == ()
    with pytest.raises(UsageError, match="shows nothing, so there is nothing to bundle"):
        bundle_run(RunRequest(scenario=str(tmp_path / "case.yaml"), terminal="reference"), tmp_path / "case.zip")
    assert not (tmp_path / "case.zip").exists()


def test_a_directory_stands_for_the_only_bundle_in_it(tmp_path: Path) -> None:
    place = tmp_path / "kept"
    (place / "x.zip").mkdir(parents=True)
    assert bundle_below(place) is None
    swept = place / "bundles" / "0badcafe.zip"
    swept.parent.mkdir()
    swept.write_bytes(b"")
    assert bundle_below(place) == swept
    for number in range(11):
        (place / "power" / f"{number:02}").mkdir(parents=True)
        (place / "power" / f"{number:02}" / "finding.zip").write_bytes(b"")
    with pytest.raises(UsageError, match=f"holds 12 bundles; give one of them:\n  {swept}\n(.*\n){{9}}  and 2 more$"):
        bundle_below(place)
    named = tmp_path / "named"
    named.mkdir()
    for name in ("a.zip", "b\x1b[2J\n.zip"):
        (named / name).write_bytes(b"")
    with pytest.raises(UsageError) as told:
        bundle_below(named)
    assert str(told.value).count("\n") == 2 and "\x1b" not in str(told.value), "nothing in a name moves the cursor"
    own = place / "finding.zip"
    own.write_bytes(b"")
    assert bundle_below(place) == own, "the run's own, whatever else there is"
