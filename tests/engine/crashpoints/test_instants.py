"""Instants and states that are easily left out: each would make a crash point kinder than the world."""

from dataclasses import replace

import msgspec

from harness.engine.crashpoints.afterwards import live_on
from harness.engine.crashpoints.callsites import NO_STEP, call_sites
from harness.engine.crashpoints.cut import situation
from harness.engine.crashpoints.explore import Exploration, Extent
from harness.engine.crashpoints.flows import FLOWS
from harness.engine.crashpoints.gather import Gathering
from harness.engine.crashpoints.outside import Outside, Underway
from harness.engine.crashpoints.scene import Scene
from harness.engine.crashpoints.states import State, StateLister, state_key
from harness.engine.crashpoints.timeline import Begun, Lengths, Mark, Recording, Timeline
from harness.iso8583.des import BlockCipher
from harness.iso8583.keys import check_value
from harness.storage.image import Image
from harness.storage.oplog import ROOT_INODE, Link, Op, SyncFile, Write
from harness.storage.profiles import registry
from harness.storage.profiles.base import CrashState
from harness.sut import interpreter
from tests.engine.crashpoints.explored import explored, media, recorded, setting

SECOND_US = 1_000_000
FILE = 0o100644


def outside(events: int) -> Outside:
    """The world of the recorded sale, with a tape of another length."""
    return replace(recorded().timeline.marks[0].outside, events=events)


def created(number: int) -> list[Op]:
    """A file with one byte."""
    return [Link(ROOT_INODE, f"f{number}", 2 + number, FILE), Write(2 + number, 0, b"x", 0)]


def timeline(
    logs: tuple[list[Op], ...], marks: list[tuple[int, Lengths, int]], begun: tuple[tuple[Begun, ...], ...] = ()
):
    """A timeline by hand. ``marks``: when, how long the logs were, how long the tape."""
    names = tuple(f"volume{place}" for place in range(len(logs)))
    made = tuple(Mark(at_us, lengths, outside(events)) for at_us, lengths, events in marks)
    times = tuple((at_us, lengths) for at_us, lengths, _ in marks)
    return Timeline((), names, (Image(),) * len(logs), logs, made, times, begun or ((),) * len(logs))


# ---------------------------------------------------------------- instants


def test_power_may_go_between_two_keys_and_when_the_last_byte_has_landed():
    with interpreter.installed():
        scene = Scene(setting())
        recording = Recording(scene, call_sites(setting().software))
        recording.begin()
        hardware = scene.hardware
        keys = {slot: bytes([place]) * 16 for place, slot in enumerate(("mac", "pin"), start=1)}
        for slot, key in keys.items():
            clear = BlockCipher(hardware.pin_pad.snapshot().master).decrypt(key)
            hardware.pin_pad.load_key(slot, key, check_value(clear))
        hardware.nvram.complete(hardware.nvram.begin(scene.now_us, 4, b"ab"))
        hardware.printer.take_slip()
        points = list(recording.end().points())
    assert len({point.outside.events for point in points}) == 1
    slips = points[0].outside.hardware.slips_left
    found = [
        ([slot for slot, _ in state.pin_pad.working], state.nvram[4:6], state.slips_left - slips)
        for state in (point.outside.hardware for point in points)
    ]
    assert found == [
        ([], b"\0\0", 0),
        (["mac"], b"\0\0", 0),
        (["mac", "pin"], b"\0\0", 0),
        (["mac", "pin"], b"a\0", 0),
        (["mac", "pin"], b"ab", 0),
        (["mac", "pin"], b"ab", -1),
    ]


def test_what_a_kernel_writes_back_in_time_may_be_lost_before_that_time():
    """A promise is made, and then nothing happens for an hour: power may go in its first minute as well as in its last."""
    log = [*created(0), *created(1)]
    line = timeline(
        (log,), [(0, (0,), 1), (SECOND_US, (2,), 2), (3_600 * SECOND_US, (4,), 3)],
        ((Begun(3_599 * SECOND_US, 2, 1, NO_STEP), Begun(3_599 * SECOND_US, 3, 2, NO_STEP)),),
    )  # fmt: skip
    found: dict[int, set[tuple[int, str]]] = {}
    for state in StateLister(line, [registry.get("ext4-ordered")], 500):
        names = "".join(sorted(state.volumes[0].image.tree()))
        found.setdefault(state.point.outside.events, set()).add((state.point.at_us // SECOND_US, names))
    assert {(1, ""), (1, "/f0"), (3_599, "/f0"), (3_599, "/f0/f1")} <= found[2]
    assert (3_599, "") not in found[2]
    never = StateLister(line, [registry.get("posix-weak")], 500)
    assert {"".join(state.volumes[0].image.tree()) for state in never if state.point.outside.events == 2} >= {"", "/f1"}
    assert never.count.points == 3


def test_each_connection_loses_on_its_own_account():
    one, two, three = Underway(4, b"a", 1), Underway(6, b"b", 1), Underway(5, b"c", 2)
    found = replace(outside(1), underway=(one, two, three)).arrivals()
    assert len(found) == len(set(found)) == 6
    assert set(found) == {(), (one,), (one, two), (three,), (one, three), (one, three, two)}


# ---------------------------------------------------------------- states


def test_two_names_of_one_file_are_not_two_files_alike():
    directory = {ROOT_INODE: {"a": 2, "b": 2}}
    linked = Image({2: b"x"}, directory, {ROOT_INODE: 0o040755, 2: FILE})
    alike = Image({2: b"x", 3: b"x"}, {ROOT_INODE: {"a": 2, "b": 3}}, {ROOT_INODE: 0o040755, 2: FILE, 3: FILE})
    assert linked.tree() == alike.tree()
    one, other = (state_key(outside(1), [CrashState(image, Image(), (), (), ())], ()) for image in (linked, alike))
    assert one != other


def test_states_differ_by_all_that_outlives_the_power():
    here = outside(1)
    hardware = here.hardware
    pad = msgspec.structs.replace(hardware.pin_pad, working=(("mac", b"k" * 16),))
    elsewhere = [
        replace(here, host_digest=b"another"),
        *(
            replace(here, hardware=replace(hardware, **change))
            for change in (
                {"pin_pad": pad}, {"nvram": hardware.nvram[:-1] + b"!"}, {"slips_left": hardware.slips_left - 1},
                {"rtc": (*hardware.rtc[:2], hardware.rtc[2] + 1)},
            )
        ),
    ]  # fmt: skip
    image = Image({2: b"x"}, {ROOT_INODE: {"a": 2}}, {ROOT_INODE: 0o040755, 2: FILE})
    leaked = Image(image.files, image.directories, image.modes, lost_chains=(600,))
    states = [
        *((each, image, ()) for each in [here, *elsewhere]), (here, leaked, ()), (here, image, (Underway(1, b"frame"),))
    ]  # fmt: skip
    keys = [state_key(each, [CrashState(found, Image(), (), (), ())], arrived) for each, found, arrived in states]
    assert len(set(keys)) == len(keys) == 8
    # How long the tape is, and how messages are numbered, is the past.
    assert state_key(outside(9), [CrashState(image, Image(), (), (), ())], (Underway(5, b"frame"),)) == keys[-1]


def test_with_too_many_combinations_each_volume_still_shows_all_its_states_and_the_count_says_so():
    log = [op for number in range(4) for op in created(number)]
    line = timeline((log, log), [(0, (8, 8), 1)])
    profiles = [registry.get("jffs2"), registry.get("ext4-dioread_lock")]
    whole = StateLister(line, profiles, 1_000)
    every = {state.key[0] for state in whole}
    assert whole.count.sampled_points == 0
    some = StateLister(line, profiles, 60)
    sample = [state.key[0] for state in some]
    assert some.count.sampled_points == some.count.points == 1
    assert len(sample) == 60 < len(every) and set(sample) < every
    for place in range(2):
        assert {images[place] for images in sample} == {images[place] for images in every}


def test_a_point_with_more_images_than_are_listed_is_reported_as_sampled():
    report = explored("no_fsync", "sale", ("posix-weak",), Extent(images_limit=3, states_limit=3))
    assert report.profiles[0].sampled_points > 0 and report.because


# ---------------------------------------------------------------- what a state is judged by


def exploration(profile: str) -> Exploration:
    return Exploration(setting(), FLOWS.get("sale"), media(profile), Extent(), lambda: "", lambda *_: None)


def test_a_state_is_excused_only_when_every_way_to_it_is():
    """What a flush that lied took may as well have been lost before that flush: then nothing excuses the software."""
    explorer, flow = exploration("lying-flush"), recorded()
    medium = explorer.media["lying-flush"]
    line = timeline(([*created(0), SyncFile(2)], []), [(0, (0, 0), 1), (1, (3, 0), 2)])
    flow = replace(flow, timeline=replace(line, volumes=flow.timeline.volumes))
    profiles = [medium.profiles[each] for each in flow.timeline.volumes]
    ways = [state for state in StateLister(flow.timeline, profiles, 500) if not state.volumes[0].image.tree()]
    excused = [len(medium.excuses(flow, state)) for state in ways]
    assert min(excused) == 0 < max(excused) and len({state.key for state in ways}) == 1
    for order in (ways, ways[::-1]):
        states: dict[str, State] = {}
        for state in order:
            explorer._enter(flow, states, "lying-flush", state)
        assert medium.excuses(flow, states["lying-flush"]) == frozenset()


def test_a_second_cut_is_judged_with_whatever_the_customer_believes():
    explorer, flow = exploration("ext4-ordered"), recorded()
    seen = set()
    for case in explorer._cases(flow, explorer.media, lambda *_: None):
        found = [situation(flow.history(events)) for events in sorted(case.histories)]
        beliefs = {None if each.intent is None else each.belief for each in found}
        befores = list(explorer._befores(flow, case))
        assert len(befores) == len(beliefs) and all(list(media) == ["ext4-ordered"] for _, media in befores)
        longest = flow.history(max(case.histories))
        assert any(before[: len(longest)] == longest for before, _ in befores)
        seen.add(frozenset(beliefs))
    assert any({"unknown", "paid"} <= each for each in seen) and any(len(each) == 1 for each in seen)


def test_a_second_cut_is_excused_for_what_happened_on_the_way_that_it_is_judged_with(monkeypatch):
    """One way to a state broke a promise and another did not: each is judged, and only the first is excused."""
    explorer, flow = exploration("lying-flush"), recorded()
    medium = explorer.media["lying-flush"]
    line = timeline(([*created(0), SyncFile(2)], []), [(0, (0, 0), 1), (1, (3, 0), 2)])
    line = replace(line, volumes=flow.timeline.volumes, events=flow.timeline.events[:2])
    flow = replace(flow, timeline=line)
    (case,) = (
        case
        for case in explorer._cases(flow, explorer.media, lambda *_: None)
        if not case.state.volumes[0].image.tree()
    )
    ways = {
        len(before): medium.excuses(flow, media["lying-flush"]) != frozenset()
        for before, media in explorer._befores(flow, case)
    }
    kept, broken = sorted(ways)
    assert broken == kept + 1 and ways == {kept: False, broken: True}
    carried: set[tuple[int, bool]] = set()
    note = Gathering.note

    def noted(self, seen, findings, events):
        carried.add((len(seen.recorded.before), any(seen.excused.values())))
        return note(self, seen, findings, events)

    monkeypatch.setattr(Gathering, "note", noted)
    explorer.extent = Extent(2, images_limit=2, states_limit=1)
    with interpreter.installed():
        once = live_on(explorer.setting, 1, case.state.remains(line.volumes), customer_stays=False)
        explorer._cut_again(flow, case, once)
    assert carried == set(ways.items())
