"""Crash points made kinder than the world: instants left out, things outside the disk not cut, states taken for others.

As ``kinder_models``; here the checks are those of ``tests.engine.crashpoints``: what a recorded flow knows, and known
defects that its states must show.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from harness.device.nvram import Nvram
from harness.engine.crashpoints import states
from harness.engine.crashpoints.cut import Situation
from harness.engine.crashpoints.explore import Exploration
from harness.engine.crashpoints.medium import Medium
from harness.engine.crashpoints.nvram import WatchedNvram
from harness.engine.crashpoints.outside import Outside, OutsideEye
from harness.engine.crashpoints.states import StateLister
from harness.engine.crashpoints.timeline import Lengths, Point, Recording, Timeline
from harness.storage.image import Image
from harness.storage.profiles.base import LegalImages
from tests.engine.crashpoints import explored, test_instants, test_recording
from tests.engine.crashpoints.explored import Extent, invariants
from tests.storage.model_changes import Change, Check, Patch, check, entered

KINDER: list[Change] = []
kinder = entered(KINDER)


def anew(test: Callable[[], Any]) -> Check:
    """A check on flows that are recorded for it alone: what is recorded otherwise is not kept for others."""

    def on_its_own_recording() -> None:
        explored.recorded.cache_clear()
        try:
            test()
        finally:
            explored.recorded.cache_clear()

    on_its_own_recording.__name__, on_its_own_recording.__module__ = test.__name__, test.__module__
    return check(on_its_own_recording)


FEW = Extent(images_limit=16, states_limit=6)


def defect(terminal: str, profile: str, broken: set[int]) -> Check:
    """A terminal with one known defect, on few states of a sale: what it breaks is found."""

    def a_defect_is_found_in_few_states(terminal: str, profile: str) -> None:
        assert broken <= invariants(explored.explored(terminal, "sale", (profile,), FEW))

    return check(a_defect_is_found_in_few_states, terminal, profile)


def the_reference_survives_two_cuts(profile: str) -> None:
    """A state or two of its sale, each cut again in recovery: some are seen, and nothing is lost."""
    report = explored.explored("reference", "sale", (profile,), Extent(depth=2, images_limit=16, states_limit=2))
    assert report.found == [] and report.profiles[0].again_distinct > 2


NO_FSYNC = defect("no_fsync", "ext4-ordered", {1, 2, 17})
NO_NAMES = defect("no_directory_fsync", "posix-weak", {1, 2})
TWO_CUTS = check(the_reference_survives_two_cuts, "ext4-ordered")


# ---------------------------------------------------------------- instants


@kinder(check(test_recording.test_power_can_go_before_each_barrier_and_before_and_after_each_change_of_the_world))
def every_second_instant_is_skipped(patch: Patch) -> None:
    true = Timeline.points

    def every_second(self: Timeline) -> Iterator[Point]:
        return (point for point in true(self) if point.number % 2)

    patch.setattr(Timeline, "points", every_second)


@kinder(check(test_recording.test_power_can_go_before_each_barrier_and_before_and_after_each_change_of_the_world))
def power_never_goes_before_a_barrier(patch: Patch) -> None:
    def synced(self: Timeline, begin: Lengths, end: Lengths) -> Iterator[Lengths]:
        yield end

    patch.setattr(Timeline, "_stops", synced)


@kinder(check(test_instants.test_what_a_kernel_writes_back_in_time_may_be_lost_before_that_time))
def everything_is_written_back_by_the_end_of_a_stretch(patch: Patch) -> None:
    patch.setattr(Timeline, "written_back", lambda self, volume, at_us, after_us: len(self.logs[volume]))


@kinder(check(test_instants.test_what_a_kernel_writes_back_in_time_may_be_lost_before_that_time))
def a_stretch_is_cut_at_its_end_alone(patch: Patch) -> None:
    patch.setattr(StateLister, "_instants", lambda self, point: iter((point,)))


@kinder(anew(test_recording.test_nvram_is_seen_after_every_byte))
def nvram_is_written_at_one_stroke(patch: Patch) -> None:
    patch.setattr(WatchedNvram, "complete", Nvram.complete)


@kinder(check(test_instants.test_power_may_go_between_two_keys_and_when_the_last_byte_has_landed))
def keys_come_together(patch: Patch) -> None:
    patch.setattr(Recording, "_follow_pad", lambda self: None)


# ---------------------------------------------------------------- what is not on a disk


@kinder(anew(test_recording.test_the_host_is_the_same_object_as_long_as_it_was_asked_nothing), TWO_CUTS)
def the_host_is_not_cut_at_the_same_instant(patch: Patch) -> None:
    true = OutsideEye.look

    def host_of_the_beginning(self: OutsideEye, nvram: bytes | None = None) -> Outside:
        found = true(self, nvram)
        first = self.__dict__.setdefault("first", found)
        return replace(found, host=first.host, host_digest=first.host_digest)

    patch.setattr(OutsideEye, "look", host_of_the_beginning)


@kinder(check(test_recording.test_a_request_under_way_is_delivered_in_one_state_and_lost_in_another))
def messages_under_way_always_arrive(patch: Patch) -> None:
    patch.setattr(Outside, "arrivals", lambda self: [self.underway])


@kinder(check(test_recording.test_a_request_under_way_is_delivered_in_one_state_and_lost_in_another))
def messages_under_way_are_always_lost(patch: Patch) -> None:
    patch.setattr(Outside, "arrivals", lambda self: [()])


@kinder(check(test_recording.test_a_customer_believes_what_the_terminal_last_said))
def nobody_is_ever_in_doubt(patch: Patch) -> None:
    patch.setattr(Situation, "in_doubt", property(lambda self: False))


# ---------------------------------------------------------------- states


@kinder(check(test_instants.test_a_point_with_more_images_than_are_listed_is_reported_as_sampled))
def a_point_that_is_sampled_counts_as_exhaustive(patch: Patch) -> None:
    patch.setattr(LegalImages, "__next__", lambda self: setattr(self, "exhaustive", True) or next(self._states))


@kinder(NO_FSYNC, NO_NAMES)
def of_each_volume_the_first_image_alone_is_listed(patch: Patch) -> None:
    true = StateLister._volume

    def first(self: StateLister, place: int, point: Point) -> Any:
        images, whole = true(self, place, point)
        return images[:1], whole

    patch.setattr(StateLister, "_volume", first)


@kinder(check(test_instants.test_two_names_of_one_file_are_not_two_files_alike))
def two_names_of_one_file_are_taken_for_two_files(patch: Patch) -> None:
    def by_path(self: Image) -> str:
        return repr([(path, self.modes.get(inode), self._content(inode)) for path, inode in self.walk()])

    patch.setattr(Image, "digest", by_path)


@kinder(NO_FSYNC)
def states_are_told_apart_by_the_host_alone(patch: Patch) -> None:
    patch.setattr(states, "state_key", lambda outside, volumes, arrived: (outside.host_digest,))


# ---------------------------------------------------------------- what is made of them


@kinder(check(test_instants.test_a_state_is_excused_only_when_every_way_to_it_is))
def the_first_way_to_a_state_excuses_it(patch: Patch) -> None:
    patch.setattr(Exploration, "_enter", lambda self, recorded, found, medium, state: found.setdefault(medium, state))


@kinder(NO_FSYNC, NO_NAMES)
def every_medium_excuses_everything(patch: Patch) -> None:
    patch.setattr(Medium, "excuses", lambda self, recorded, state: frozenset(range(64)))


@kinder(TWO_CUTS)
def power_never_goes_twice(patch: Patch) -> None:
    patch.setattr(Exploration, "_cut_again", lambda self, recorded, case, once: None)


@kinder(check(test_instants.test_a_second_cut_is_judged_with_whatever_the_customer_believes))
def of_all_histories_to_a_state_one_alone_is_cut_again(patch: Patch) -> None:
    patch.setattr(Exploration, "_belief", lambda self, found: "")
