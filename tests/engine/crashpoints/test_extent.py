"""How far an exploration goes: what it waits for, which states it takes of too many, what a line takes to find one."""

import os
import signal
from pathlib import Path

import pytest

from harness.core.errors import ExitCode
from harness.core.units import US_PER_SECOND
from harness.engine.crashpoints.explore import Exploration, Extent
from harness.engine.crashpoints.flows import FLOWS, REST_US, SETTLED_US
from harness.engine.crashpoints.launch import launch
from harness.engine.crashpoints.request import CrashRequest, replay_line
from harness.engine.crashpoints.states import StateLister
from harness.history.events import Booted, IntentClosed, IntentOpened
from harness.storage.oplog import ROOT_INODE, Link, Op
from harness.storage.profiles import registry
from tests.engine.crashpoints.explored import media, recorded, setting
from tests.engine.crashpoints.test_instants import created, timeline

ROOT = Path(__file__).parents[3]


def test_a_flow_is_recorded_until_all_is_at_rest_and_begins_when_all_was() -> None:
    """A reversal, or a kernel that writes back, comes late: power may go before and after."""
    line = recorded().timeline
    closed = [event.at_us for event in line.events if isinstance(event, IntentClosed)]
    opened = [event.at_us for event in line.events if isinstance(event, IntentOpened)]
    assert line.marks[0].at_us - closed[-2] >= SETTLED_US and line.marks[0].at_us <= opened[-1]
    assert line.marks[-1].at_us - closed[-1] >= REST_US
    boot = recorded("reference", "boot").timeline
    (booted,) = (event.at_us for event in boot.events if isinstance(event, Booted))
    assert boot.marks[-1].at_us - booted >= REST_US > 60 * US_PER_SECOND


def test_a_sample_is_the_same_whoever_draws_it() -> None:
    """More than the adversarial images are wanted, so that chance has a part in it: of one volume, and of both together."""
    log: list[Op] = [Link(ROOT_INODE, f"f{place}", 2 + place, 0o100644) for place in range(6)]
    profiles = [registry.get("posix-weak")] * 2
    for logs, lengths in (((log, []), (6, 0)), ((log[:4], log[:4]), (4, 4))):
        line = timeline(logs, [(0, lengths, 1)])
        drawn = []
        for _ in range(2):
            lister = StateLister(line, profiles, 40)
            drawn.append([state.key for state in lister])
            assert lister.count.sampled_points == 1 and 30 < len(drawn[-1]) <= 40
        assert drawn[0] == drawn[1]


def test_an_instant_at_which_nothing_new_was_written_may_still_have_more_written_back() -> None:
    line = timeline((created(0),), [(0, (0,), 1), (US_PER_SECOND, (2,), 2), (3_600 * US_PER_SECOND, (2,), 3)])
    names: dict[int, set[str]] = {}
    for state in StateLister(line, [registry.get("ext4-ordered")], 100):
        names.setdefault(state.point.outside.events, set()).add("".join(state.volumes[0].image.tree()))
    assert names[2] == {"", "/f0"} and names[3] == {"/f0"}


def test_of_too_many_states_those_with_the_smallest_names_are_taken_with_all_that_leads_to_them() -> None:
    """Whichever medium is listed first: shares of the work, and a line that finds a state again, must agree."""
    found = {}
    for limit in (20_000, 7):
        for order in (("battery-ram", "raw-slots"), ("raw-slots", "battery-ram")):
            explorer = Exploration(
                setting(), FLOWS.get("sale"), media(*order), Extent(states_limit=limit), lambda: "", lambda *_: None
            )
            cases = explorer._cases(recorded(), explorer.media, lambda *_: None)
            found[limit, order] = {
                case.name: {(events, name) for events, states in case.histories.items() for name in states}
                for case in cases
            }
            assert bool(explorer.report.because) == (limit == 7)
    whole, some = (found[limit, ("battery-ram", "raw-slots")] for limit in (20_000, 7))
    assert some == {name: whole[name] for name in sorted(whole)[:7]} and len(whole) > 20
    assert found[7, ("raw-slots", "battery-ram")] == some


def test_the_line_that_finds_a_state_again_says_all_that_it_takes() -> None:
    request = CrashRequest("s.yaml", device="legacy", seed=7, profiles=("all",), images_limit=9, states_limit=30_000)
    assert replay_line(request, "a b.yaml", "reference", "sale", "fat", "ab.cd") == (
        "harness crashpoints 'a b.yaml' --terminal reference --flow sale --device legacy --profile fat --seed 7 --images 9 "
        "--states 30000 --state ab.cd"
    )
    # With fewer states asked for then than are taken now, it is among them.
    few = CrashRequest("s.yaml", states_limit=5)
    assert replay_line(few, "s.yaml", "reference", "sale", "fat", "ab") == (
        "harness crashpoints s.yaml --terminal reference --flow sale --state ab"
    )


@pytest.mark.slow
def test_a_share_that_was_killed_is_told_and_is_no_pass() -> None:
    killed: list[int] = []

    def started(process_id: int) -> None:
        if not killed:
            killed.append(process_id)
            os.kill(process_id, signal.SIGKILL)

    scenario = next(iter(sorted((ROOT / "scenarios" / "power").glob("*.yaml"))))
    request = CrashRequest(str(scenario), flows=("boot",), profiles=("battery-ram",))
    report = launch(request, 2, on_start=started)
    assert report.exit_code is ExitCode.INCONCLUSIVE and report.flows[0].judged
    (why,) = report.flows[0].because
    assert why.startswith("a process with 1 of 2 shares of the work was stopped")
