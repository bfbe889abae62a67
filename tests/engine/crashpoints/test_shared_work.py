"""What scenes of one setting share changes nothing of what becomes of them, and belongs to that setting alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.engine.crashpoints.afterwards import live_on
from harness.engine.crashpoints.cut import cut_events, situation
from harness.engine.crashpoints.judging import Court
from harness.engine.crashpoints.scene import Setting
from harness.engine.crashpoints.states import StateLister
from harness.history.recorder import Recorder
from harness.host.acquirer import Acquirer
from harness.storage.profiles import registry
from harness.sut import interpreter
from tests.engine.crashpoints.explored import recorded, setting

START = date(2026, 1, 1)


def fresh(used: Setting) -> Setting:
    """The same setting, with nothing worked out and nothing remembered."""
    return Setting(used.plan, used.software, used.seed)


def test_scenes_after_others_play_as_the_first_one_does() -> None:
    played = recorded("reference", "sale")
    timeline = played.timeline
    lister = StateLister(timeline, [registry.get("raw-slots")] * len(timeline.volumes), 64)
    states = list(lister)[::12]
    assert len(states) > 2
    used = setting()
    used = replace(used, software=used.software.remembering())
    with interpreter.installed():
        for state in states:
            remains = state.remains(timeline.volumes)
            after_others = live_on(used, 1, remains, customer_stays=True)
            alone = live_on(fresh(setting()), 1, remains, customer_stays=True)
            assert after_others.events == alone.events
            assert after_others.recovered == alone.recovered


def test_a_court_that_has_judged_others_finds_in_a_history_what_a_new_one_finds() -> None:
    played, used = recorded("no_fsync", "sale"), setting("no_fsync")
    timeline = played.timeline
    states = list(StateLister(timeline, [registry.get("posix-weak")] * len(timeline.volumes), 64))[::20]
    court, found, histories = Court(used), [], set()
    with interpreter.installed():
        for state in states:
            events, at_us = state.point.outside.events, state.point.at_us
            cut = cut_events(played.situation(events), at_us, state.arrived, stays=True)
            before = (*played.history(events), *cut)
            lived = live_on(used, 1, state.remains(timeline.volumes), customer_stays=True)
            found.append(court.findings(before, lived))
            assert found[-1] == court.findings(before, lived) == Court(used).findings(before, lived)
            histories.add((before, lived.events))
    # Some have a finding, some have none, and it is about other events in one history than in another.
    assert () in found and len(set(found)) > 2
    assert len({lived for _, lived in histories}) < len(histories)


def test_another_plan_is_worked_out_anew() -> None:
    used = fresh(setting())
    spec = used.worked_out.device(used.plan)
    assert used.worked_out.device(used.plan) is spec
    other = replace(used, plan=replace(used.plan, profile="raw-slots"))
    assert {volume.profile for volume in other.worked_out.device(other.plan).volumes} == {"raw-slots"}
    assert {volume.profile for volume in spec.volumes} != {"raw-slots"}


def test_a_history_with_another_beginning_has_its_own_situations() -> None:
    played = recorded("reference", "sale")
    longest = len(played.timeline.events)
    lengths = sorted({mark.outside.events for mark in played.timeline.marks})
    assert any(played.situation(each).in_doubt for each in lengths)
    middle = next(each for each in lengths if played.situation(each).in_doubt)
    later = replace(played, before=played.history(middle))
    for events in (0, middle, longest):
        assert later.situation(events) == situation(later.history(events))
    assert later.situation(0).in_doubt and not played.situation(0).in_doubt


@settings(deadline=None, max_examples=25)
@given(st.lists(st.binary(max_size=40), max_size=8))
def test_what_a_frame_says_does_not_depend_on_who_read_it_first(frames: list[bytes]) -> None:
    sent = [each.frame for mark in recorded().timeline.marks for each in mark.outside.underway]
    assert sent
    first, second, alone = (Acquirer("unionpay", Recorder(), b"seed", start_date=START) for _ in range(3))
    second.dialect.share_reading(first.dialect)
    for frame in (*frames, *sent):
        assert first.describe(frame) == second.describe(frame) == alone.describe(frame)
