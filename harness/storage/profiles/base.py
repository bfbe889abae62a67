"""What every profile offers: the legal images after a power cut, one drawn or all listed, and what is surely durable.

A profile is a crash model (``crash``: a program that asks its Choices what the medium did) and a rule for which
operations no cut can undo (``surely_durable``). Enumeration, drawing, folding and the account of losses follow from
these two and are the same for every medium.
"""

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from harness.storage.draft import Draft, Part
from harness.storage.image import Image
from harness.storage.oplog import Op
from harness.storage.profiles.choices import Choices, Scripted, Seeded, adversarial_scripts, next_script
from harness.storage.profiles.fold import Durability, fold
from harness.storage.profiles.story import Damage, Loss, describe, tell, tell_damage

NOTHING: Mapping[int, str] = MappingProxyType({})
NO_PRACTICES: Mapping[str, str] = MappingProxyType({})

# An enumeration that would need more runs than this many per image asked for is sampled instead.
_RUNS_PER_IMAGE = 4


@dataclass(slots=True)
class Crash:
    """What one run of a crash model did: the draft it built, the operations that did not land whole, and other damage."""

    draft: Draft
    lost: list[int] = field(default_factory=list)
    torn: list[tuple[int, Part]] = field(default_factory=list)
    damaged: list[Damage] = field(default_factory=list)


@dataclass(frozen=True)
class CrashState:
    """One legal durable image, with the account of what the cut took. The account is told only when asked for."""

    image: Image
    base: Image
    log: Sequence[Op]
    lost_indices: tuple[int, ...]
    torn_parts: tuple[tuple[int, Part], ...]
    damage: tuple[Damage, ...] = ()
    """What the cut did to bytes and names that no pending operation was about."""

    @cached_property
    def _losses(self) -> tuple[tuple[Loss, ...], tuple[Loss, ...]]:
        return tell(self.base, self.log, self.lost_indices, self.torn_parts)

    @property
    def lost(self) -> tuple[Loss, ...]:
        """Operations of which nothing reached the medium, in log order."""
        return self._losses[0]

    @property
    def torn(self) -> tuple[Loss, ...]:
        """Operations of which only a part reached the medium, in log order."""
        return self._losses[1]

    @property
    def damage_told(self) -> tuple[str, ...]:
        """Each damage in words."""
        return tuple(tell_damage(self.base, self.log, self.damage))

    @property
    def cost(self) -> tuple[int, int]:
        """How much had to happen for this state."""
        return len(self.damage), len(self.lost_indices) + len(self.torn_parts)

    @property
    def intact(self) -> bool:
        """True when everything since the base image landed whole."""
        return not self.lost_indices and not self.torn_parts and not self.damage

    @cached_property
    def bites(self) -> bool:
        """True when the image differs from what the software last saw: a lost write that a later one hid does not."""
        if self.intact:
            return False
        seen = Draft(self.base)
        for op in self.log:
            seen.apply(op)
        return seen.mount().digest() != self.image.digest()

    @property
    def description(self) -> str:
        """One sentence for the story."""
        told = [] if self.damage and not (self.lost or self.torn) else [describe(self.lost, self.torn)]
        return "; ".join([*told, *tell_damage(self.base, self.log, self.damage)])


class LegalImages(Iterator[CrashState]):
    """Distinct legal images, one at a time. After the last one ``exhaustive`` says whether there are no others."""

    def __init__(self, profile: "Profile", base: Image, log: Sequence[Op], limit: int, rng: random.Random) -> None:
        self._profile = profile
        self._base = base
        self._log = tuple(log)
        self._limit = limit
        self._rng = rng
        self.exhaustive = False
        self._states = self._generate()

    @property
    def sampled(self) -> bool:
        """True when there were too many images to list: these are the adversarial ones and a random sample."""
        return not self.exhaustive

    def __next__(self) -> CrashState:
        return next(self._states)

    def _generate(self) -> Iterator[CrashState]:
        whole = self._list_all(self._limit * _RUNS_PER_IMAGE + 64)
        if whole is not None and len(whole) <= self._limit:
            self.exhaustive = True
            yield from whole
            return
        seen: set[tuple[str, int]] = set()
        for choices in self._sample():
            state = self._profile._run(self._base, self._log, choices)
            key = (state.image.digest(), state.image.lost_bytes)
            if key not in seen:
                seen.add(key)
                yield state
                if len(seen) >= self._limit:
                    return

    def _list_all(self, runs: int) -> list[CrashState] | None:
        """Every legal image, or None when that takes more than ``runs`` runs of the model."""
        probe = Scripted([])
        self._profile._run(self._base, self._log, probe)
        product = 1
        for count in probe.counts:
            product *= count
            if product > runs:
                return None
        states: dict[tuple[str, int], CrashState] = {}
        answers: list[int] | None = []
        while answers is not None:
            if runs == 0:
                return None
            runs -= 1
            script = Scripted(answers)
            state = self._profile._run(self._base, self._log, script)
            key = (state.image.digest(), state.image.lost_bytes)
            known = states.get(key)
            # Of several ways to one image the one that takes least is told, and excused for: damage last of all.
            if known is None or state.cost < known.cost:
                states[key] = state
            answers = next_script(answers, script.counts)
        return list(states.values())

    def _sample(self) -> Iterator[Choices]:
        kept, lost = Scripted([], 0), Scripted([], 1)
        self._profile._run(self._base, self._log, kept)
        self._profile._run(self._base, self._log, lost)
        for answers, default in adversarial_scripts(kept.counts, lost.counts):
            yield Scripted(answers, default)
        for _ in range(self._limit * 2):
            yield Seeded(self._rng)


class Profile(ABC):
    """What one medium, with the file system on it, may lose when power goes."""

    name: str
    summary: str
    # Invariant number -> why no software whatever can keep it on this medium.
    survivability: Mapping[int, str] = NOTHING
    # After so long the kernel has written everything back by itself; None: nothing promises that it ever does.
    writes_back_after_us: int | None = None
    # A habit that is safe elsewhere -> what it loses here and what to do instead.
    unsafe_practices: Mapping[str, str] = NO_PRACTICES
    # The order in which changes reach the medium is that of the calls, and each is there by the time its call returns.
    synchronous: bool = False
    # A barrier that returned may have promised nothing.
    flush_lies: bool = False

    @abstractmethod
    def crash(self, base: Image, log: Sequence[Op], choices: Choices) -> Crash:
        """Play the log onto the base as the medium may have done, asking ``choices`` at each turn."""

    @abstractmethod
    def surely_durable(self, base: Image, log: Sequence[Op]) -> list[Durability]:
        """For each operation, whether it is on the medium whole whatever happens."""

    def mount(self, draft: Draft) -> Image:
        """What mounting the medium makes of what is on it."""
        return draft.mount()

    def harm(self, image: Image, crash: Crash, base: Image, log: Sequence[Op], choices: Choices) -> Image:
        """The mounted image with what the medium did beside losing operations, entered in ``crash.damaged``."""
        return image

    def thins(self, log: Sequence[Op]) -> bool:
        """Whether of the places at which a long operation of ``log`` may be cut only some are tried, in listing and drawing."""
        return False

    def excuses(self, state: CrashState) -> Mapping[int, str]:
        """What of ``survivability`` this one state can be excused from: the medium did here what no software survives."""
        return self.survivability

    def _run(self, base: Image, log: Sequence[Op], choices: Choices) -> CrashState:
        crash = self.crash(base, log, choices)
        image = self.harm(self.mount(crash.draft), crash, base, log, choices)
        return CrashState(image, base, log, tuple(crash.lost), tuple(crash.torn), tuple(crash.damaged))

    def legal_images(self, base: Image, log: Sequence[Op], limit: int, rng: random.Random) -> LegalImages:
        """Distinct images a cut after ``log`` may leave, at most ``limit``; says afterwards whether that is all."""
        return LegalImages(self, base, log, limit, rng)

    def draw(self, base: Image, log: Sequence[Op], rng: random.Random) -> CrashState:
        """One image a cut after ``log`` may leave."""
        return self.answered_by(Seeded(rng), base, log)

    def answered_by(self, choices: Choices, base: Image, log: Sequence[Op]) -> CrashState:
        """The image that a cut after ``log`` leaves when ``choices`` say what the medium did."""
        return self._run(base, tuple(log), choices)

    def durable_prefix(self, base: Image, log: Sequence[Op]) -> tuple[Image, list[Op]]:
        """Move what no cut can undo into the base; the rest of the log has the same legal images on the new base."""
        return fold(base, log, self.surely_durable(base, log))
