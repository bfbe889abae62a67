"""Guided search: what counts as new, how faults are changed, and that a search goes the same way whoever runs it."""

from __future__ import annotations

from pathlib import Path
from random import Random

import msgspec
import pytest

from harness.engine.launch import launch
from harness.engine.request import RunRequest
from harness.engine.search.behaviour import Behaviour, Seen, bucket_of, is_of_fault, read_seen
from harness.engine.search.change import Changer
from harness.engine.search.corpus import Corpus, Trial
from harness.engine.search.driver import Search
from harness.engine.verdict import Verdict
from harness.history.events import Event, FaultLifted, FaultStruck, MessageDropped, ScreenShown, SoftwareReady
from harness.history.recorder import Recorder
from harness.scenario.load import load_text
from harness.scenario.plan import Plan

SCENARIO = """\
name: a busy hour
terminals: 2
days: {count: 1, open: "09:00", close: "10:00"}
sales_per_day: 12
faults:
  - {type: power_loss, name: cut, per_day: 1, at: {action: sale, storage_operation: [1, 12]}}
  - {type: partition, per_day: 2, lift_after: 5 min}
"""

# ---------------------------------------------------------------- what counts as new


def _features(*events: Event) -> set[int]:
    recorder, behaviour = Recorder(), Behaviour()
    behaviour.attach(recorder)
    for event in events:
        recorder.emit(event)
    return set(behaviour.features())


def _screen(at_us: int, kind: str, device: str = "T01") -> ScreenShown:
    return ScreenShown(at_us, device, 1, kind, "text", 500, "000001")


def test_what_follows_what_on_a_terminal_counts_and_when_and_where_does_not() -> None:
    one = _features(SoftwareReady(1, "T01", 1), _screen(2, "approved"), _screen(3, "declined"))
    assert one == _features(SoftwareReady(9, "T02", 4), _screen(10, "approved", "T02"), _screen(11, "declined", "T02"))
    other = _features(SoftwareReady(1, "T01", 1), _screen(2, "declined"), _screen(3, "approved"))
    assert one - other and other - one
    apart = _features(SoftwareReady(1, "T01", 1), _screen(2, "approved"), _screen(3, "declined", "T02"))
    assert one - apart


def test_a_fault_that_is_on_makes_the_same_thing_new() -> None:
    drop = MessageDropped(5, "T01", 3, "partition")
    struck = FaultStruck(1, "p#1", "partition", ("T01",), "", "key")
    under = _features(struck, drop)
    lifted = FaultLifted(2, "p#1", "partition", ("T01",))
    assert under - _features(struck, lifted, drop)
    assert _features(drop) < under


def test_once_more_of_the_same_is_nothing_new_until_it_doubles() -> None:
    assert [bucket_of(count) for count in (1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 127, 128, 9_999)] == [
        1, 2, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8,
    ]  # fmt: skip
    four, five = (_features(*(_screen(at, "approved") for at in range(count))) for count in (5, 6))
    assert four == five != _features(*(_screen(at, "approved") for at in range(12)))


# ---------------------------------------------------------------- changing faults

FAULTS = {
    "T01/fault/cut/day1/count": 1, "T02/fault/cut/day1/count": 0, "T01/fault/cut/day1/0/time": 0.5,
    "T01/fault/cut/0/storage_operation": 3, "T01/fault/cut/0/T01/image/0": 1 << 60, "T01/fault/cut/0/T01/begun/0": 0.25,
    "T01/fault/late/0/day": 1, "fault/all/day1/count": 2,
}  # fmt: skip


def test_changes_stay_within_what_a_decision_may_be() -> None:
    changer = Changer(Random(7))
    seen: set[str] = set()
    for _ in range(400):
        seed, pins = changer.changed(3, {}, FAULTS, FAULTS)
        assert all(is_of_fault(key) for key in pins)
        seen |= {key for key, value in pins.items() if value != FAULTS.get(key)}
        for key, value in pins.items():
            if key.endswith(("/count", "/storage_operation")):
                assert isinstance(value, int) and 0 <= value <= 24
            elif isinstance(value, float):
                assert 0.0 <= value < 1.0
            elif key.endswith("/day"):
                assert value == FAULTS["T01/fault/late/0/day"]  # how many days there are is not known here
        assert seed == 3 or set(FAULTS) <= set(pins)
    # Every kind of decision was changed, and terminal 2 was given terminal 1's.
    assert set(FAULTS) - {"T01/fault/late/0/day"} <= seen
    assert {"T02/fault/cut/0/T02/image/0", "T02/fault/cut/day1/0/time"} <= seen


def test_the_same_stream_changes_the_same_way() -> None:
    one, other = ([Changer(Random(1)).changed(3, {}, FAULTS, {}) for _ in range(1)] for _ in range(2))
    assert one == other


def test_what_nobody_had_is_kept_and_comes_up_again() -> None:
    corpus = Corpus(1, (), swarm=False)
    trials = [corpus.next() for _ in range(4)]
    assert [trial.parent for trial in trials] == [None] * 4 and [trial.seed for trial in trials] == [1, 2, 3, 4]
    assert corpus.learn(trials[0], Seen((1, 2), FAULTS))
    assert not corpus.learn(trials[1], Seen((2,), FAULTS))
    assert not corpus.learn(trials[2], None)  # it broke
    assert corpus.kept == 1 and corpus.features == 2
    later = [corpus.next() for _ in range(40)]
    assert {trial.parent for trial in later} == {None, 0}
    assert all(trial.overrides or trial.seed != 1 for trial in later if trial.parent == 0)


# ---------------------------------------------------------------- a search


def _plan() -> Plan:
    return load_text(SCENARIO)


def _searched(directory: Path, order: int, runs: int = 30) -> list[tuple[int, int, int | None, int]]:
    """Trials of a search whose runs end ``order`` at a time, the last one first."""
    directory.mkdir()
    search = Search(_plan(), RunRequest(scenario=""), directory, seed=5, runs=runs)
    told: list[Trial] = []
    under_way: list[RunRequest] = []
    while True:
        request = next(search, None) if len(under_way) < order else None
        if request is not None:
            told.append(search.trial_of(request))
            under_way.append(request)
            continue
        if not under_way:
            break
        ended = under_way.pop()
        trial = search.trial_of(ended)
        features = tuple(sorted({trial.seed % 7, trial.number % 5, len(trial.overrides) + 100}))
        Path(str(ended.behaviour_out)).write_bytes(msgspec.json.encode(Seen(features, FAULTS)))
        search.ended(ended, _verdict())
    assert list(directory.iterdir()) == []
    return [(trial.number, trial.seed, trial.parent, len(trial.overrides)) for trial in told]


def _verdict() -> Verdict:
    from harness.engine.verdict import Sales

    return Verdict("pass", "s", "t", 1, 1, 1, (), (), (), (), (), Sales(), 0, "")


def test_a_search_goes_the_same_way_for_any_number_of_workers(tmp_path: Path) -> None:
    alone = _searched(tmp_path / "one", 1)
    assert len(alone) == 30 and any(parent is not None for _, _, parent, _ in alone)
    assert _searched(tmp_path / "two", 2) == alone == _searched(tmp_path / "four", 4)


def test_trials_run_and_their_files_run_again(tmp_path: Path) -> None:
    search = Search(_plan(), RunRequest(scenario="", terminal="reference"), tmp_path, seed=2, runs=7, lag=1)
    changed = None
    for request in iter(lambda: next(search, None), None):
        trial = search.trial_of(request)
        verdict = launch(request)
        assert verdict.status in ("pass", "inconclusive"), verdict
        seen = read_seen(Path(str(request.behaviour_out)))
        assert seen is not None and len(seen.features) > 30 and all(map(is_of_fault, seen.faults))
        pinned = {key: value for key, value in trial.overrides.items() if key in seen.faults}
        assert pinned == {key: seen.faults[key] for key in pinned}
        if trial.overrides and changed is None:
            # Looking changes nothing, and the file alone goes the same way.
            again = launch(RunRequest(scenario=request.scenario, terminal="reference"))
            assert again.history_sha256 == verdict.history_sha256
            changed = trial
        search.ended(request, verdict)
    assert changed is not None and changed.parent is not None


def test_a_file_that_tells_nothing_teaches_nothing(tmp_path: Path) -> None:
    (tmp_path / "seen").write_text('{"features": 1')
    assert read_seen(tmp_path / "seen") is None and read_seen(tmp_path / "missing") is None


@pytest.mark.parametrize("strategy", ["random", "coverage"])
def test_a_race_ends_with_the_first_kill(tmp_path: Path, strategy: str) -> None:
    from harness.engine.search.versus import Racer, Rules

    racer = Racer("silent_charge", strategy, 1, Rules("network/reply_lost", 1, 1, 30.0), tmp_path)
    while not racer.over:
        racer.step()
    assert racer.killed and racer.race().runs == racer.runs == 1


def _armed(changer: Changer) -> dict[str, int]:
    """How often it arms each of three faults that had not struck."""
    faults = {f"T01/fault/{name}/day1/count": 0 for name in ("often", "seldom", "lost")}
    tally = dict.fromkeys(("often", "seldom", "lost"), 0)
    for _ in range(300):
        for key, value in changer.changed(1, {}, faults, {})[1].items():
            tally[key.split("/")[2]] += int(value)
    return tally


def test_a_fault_that_came_up_seldom_comes_up_more_often_and_one_that_excuses_less() -> None:
    changer = Changer(Random(3), excusing=("lost",))
    for _ in range(20):
        changer.learn({"T01/fault/often/day1/count": 2})
    armed = _armed(changer)
    assert armed["seldom"] > 3 * armed["often"] > 0
    assert 0 < 1.5 * armed["lost"] < armed["seldom"]
    assert _armed(Changer(Random(3)))["lost"] > armed["lost"]
