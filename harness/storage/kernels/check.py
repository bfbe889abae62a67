"""One program recorded, cut at several moments, and each image that this kernel makes of it judged by the profile."""

import random
import re

from harness.storage.image import Image
from harness.storage.kernels import linux
from harness.storage.kernels.blank import load_blank
from harness.storage.kernels.cut import Observed, image_pages, mount_and_read
from harness.storage.kernels.file_systems import FileSystem
from harness.storage.kernels.findings import Finding, Tally
from harness.storage.kernels.generate import letter_of, random_program
from harness.storage.kernels.habits import HABITS, without_links
from harness.storage.kernels.needs import needed_rules, rules_of
from harness.storage.kernels.programs import Program
from harness.storage.kernels.record import EMPTY, Moment, RecordedRun, record
from harness.storage.profiles import registry
from harness.storage.profiles.membership import Answer, canonical, is_allowed

_FINDINGS_MAX = 5
_BY_HAND_EVERY = 4
_RUN_OF_BYTES = re.compile(rb"(.)\1{7,}", re.DOTALL)


class Checker:
    """Checks one file system; to be used in a process that has mounts of its own (``record.prepare_scratch``)."""

    def __init__(self, file_system: FileSystem, scratch: str, *, count_needed: bool = True) -> None:
        self._file_system = file_system
        self._count_needed = count_needed
        self._scratch = scratch
        self._profile = registry.get(file_system.profile_name)
        self._base, self._size_bytes = load_blank(file_system.kind)

    def check_seed(self, seed: int, operations: int, cuts: int) -> Tally:
        """The program of that seed: every fourth is one written by hand."""
        rng = random.Random(seed)
        if seed % _BY_HAND_EVERY == 0:
            known = [each for each in HABITS if self._file_system.hard_links or without_links(each)]
            program = known[seed // _BY_HAND_EVERY % len(known)]
        else:
            program = random_program(rng, operations, hard_links=self._file_system.hard_links)
        return self.check(program, rng, cuts, seed)

    def check(self, program: Program, rng: random.Random, cuts: int, seed: int = 0) -> Tally:
        """``cuts`` moments of the program, every second one on a drive that had kept writes in its cache."""
        rules = rules_of(self._profile) if self._count_needed else []
        tally = Tally(self._file_system.name, self._profile.name, needed=dict.fromkeys(rules, 0))
        system = self._file_system
        run = record(program, system.kind, system.options, self._base, self._size_bytes, self._scratch)
        for event_count, in_order in cuts_of(run, rng, cuts):
            pages = image_pages(self._base, run.events[:event_count], system.tear_bytes, None if in_order else rng)
            seen = mount_and_read(pages, self._size_bytes, system.kind, system.options, f"{self._scratch}/copy")
            self._judge(tally, run, seen, Finding(seed, event_count, in_order, ""))
        if system.kind == "btrfs":
            linux.forget_btrfs_devices()
        return tally

    def _judge(self, tally: Tally, run: RecordedRun, seen: Observed, place: Finding) -> None:
        tally.copies += 1
        moment = run.moment(place.event_count)
        answer = Answer.NOT_ALLOWED
        if seen.image is not None:
            tally.states.add(seen.image.digest())
            answer = is_allowed(self._profile, EMPTY, moment.log, seen.image)
        if answer is Answer.ALLOWED:
            assert seen.image is not None
            tally.allowed += 1
            if self._count_needed:
                for rule in needed_rules(self._profile, EMPTY, moment.log, seen.image):
                    tally.needed[rule] += 1
            return
        if seen.image is None:
            tally.damaged += 1
        elif answer is Answer.UNDECIDED:
            tally.undecided += 1
        else:
            tally.not_allowed += 1
        if len(tally.findings) < _FINDINGS_MAX:
            story = tell(run, moment, seen, place.event_count)
            tally.findings.append(Finding(place.seed, place.event_count, place.in_order, story))


def cuts_of(run: RecordedRun, rng: random.Random, cuts: int) -> list[tuple[int, bool]]:
    """Moments of the program: how many events had landed; and, of every second one, that they did so in order."""
    moments = range(run.first_event, len(run.events) + 1)
    return [(count, number % 2 == 0) for number, count in enumerate(sorted(rng.choices(moments, k=cuts)))]


def tell(run: RecordedRun, moment: Moment, seen: Observed, event_count: int) -> str:
    """The program, how far it was, and what was found, for a person to read."""
    begun = sum(before <= event_count for before in run.events_before)
    lines = []
    for place, operation in enumerate(run.program):
        state = "done" if place < moment.operations_returned else "under way" if place < begun else "not begun"
        lines.append(f"  {state:<9} {letter_of(place).decode()}  {operation}")
    lines.append("found:")
    lines += [f"  {seen.damage}"] if seen.image is None else _tree(seen.image)
    return "\n".join(lines)


def _tree(image: Image) -> list[str]:
    lines = []
    for path, mode, content in canonical(image):
        shown: object = content
        if isinstance(content, bytes):
            shown = _RUN_OF_BYTES.sub(lambda run: b"<%s x %d>" % (run[1], len(run[0])), content)
        lines.append(f"  {path} {mode:o} {'directory' if content == -1 else shown}")
    return lines
