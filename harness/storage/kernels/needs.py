"""Which of the things that a profile allows were really seen: those without which an observed state has no explanation.

A rule is taken out of the profile and the state is judged again. What is never needed in thousands of states is either
rare on this kernel, or the profile is harsher than it has to be; the check reports it and decides nothing.
"""

from collections.abc import Sequence
from dataclasses import replace

from harness.storage.draft import Fate, Resized, Step, Steps
from harness.storage.image import Image
from harness.storage.oplog import Link, Op, Rename, Truncate, Unlink, Write
from harness.storage.profiles.base import Profile
from harness.storage.profiles.journal_commits import Commits
from harness.storage.profiles.journalled import JournalledProfile, Piece, Stops
from harness.storage.profiles.membership import Answer, is_allowed
from harness.storage.profiles.membership_unordered import takes
from harness.storage.profiles.unordered import WHOLE, UnorderedProfile

_TAIL = "the tail of a shortened file zeroed before its size changed"
_METADATA = "the latest changes of names, sizes or modes lost"
# What is taken out: the kind of piece (new block, growth within a block, in place) and the fate.
_PIECES = {
    "a new block lost": ("new", Fate.LOST),
    "a new block with its size and without its data": ("new", Fate.ZEROS),
    "growth within a block lost": ("growth", Fate.LOST),
    "growth within a block with its size and without its data": ("growth", Fate.ZEROS),
    "data landed, the size that goes with it not": ("growth", Fate.UNSIZED),
    "an overwritten sector as it was before": ("in place", Fate.LOST),
    "an overwritten sector beyond what its size had reached": ("in place", Fate.UNSIZED),
}


# Of file systems that order nothing but by barriers: the fate of a sector.
_SECTORS = {
    "a sector of a write lost": Fate.LOST,
    "a sector with its size and without its data": Fate.ZEROS,
    "a sector landed, the size that goes with it not": Fate.UNSIZED,
}
_NAMES = "names lost, created, removed or renamed"
_BOTH_NAMES = "both names of a renamed file"


def rules_of(profile: Profile) -> list[str]:
    """The rules that are looked at, for this profile."""
    if isinstance(profile, UnorderedProfile) and takes(profile):
        return [_NAMES, _BOTH_NAMES, *_SECTORS]
    if not isinstance(profile, JournalledProfile):
        return []
    left_out = set()
    if not profile.rules.unwritten_extents:
        left_out.add("a new block with its size and without its data")
    if profile.rules.size_after_data:
        left_out.add("growth within a block with its size and without its data")
    return [rule for rule in (_METADATA, _TAIL, *_PIECES) if rule not in left_out]


def needed_rules(profile: Profile, base: Image, log: Sequence[Op], image: Image) -> list[str]:
    """The rules without which ``image``, which is allowed, would not be."""
    without: list[tuple[str, Profile]] = []
    for rule in rules_of(profile):
        if isinstance(profile, JournalledProfile):
            without.append((rule, _Without(profile, rule)))
        elif isinstance(profile, UnorderedProfile):
            without.append((rule, _UnorderedWithout(profile, rule)))
    return [rule for rule, less in without if is_allowed(less, base, log, image) is Answer.NOT_ALLOWED]


class _Without(JournalledProfile):
    """A journalled profile with one thing taken out of it."""

    def __init__(self, profile: JournalledProfile, rule: str) -> None:
        self.name = f"{profile.name} without {rule}"
        self.summary = profile.summary
        self.rules = profile.rules
        self._rule = rule

    def commits(self, base: Image, log: Sequence[Op]) -> Commits:
        commits = super().commits(base, log)
        if self._rule == _METADATA:
            commits.committed = len(commits.journalled)
        return commits

    def cleared_tail(self, op: Truncate) -> list[Resized]:
        return [] if self._rule == _TAIL else super().cleared_tail(op)

    def pieces(
        self, op: Write, index: int, size_bytes: int, stops: Stops, commits: Commits, committed: int
    ) -> list[Piece]:
        pieces = super().pieces(op, index, size_bytes, stops, commits, committed)
        taken = _PIECES.get(self._rule)
        if taken is None:
            return pieces
        kind, fate = taken
        return [
            replace(piece, options=tuple(option for option in piece.options if option != fate))
            if kind == ("new" if piece.new_block else "growth" if piece.growth else "in place")
            else piece
            for piece in pieces
        ]


class _UnorderedWithout(UnorderedProfile):
    """A profile that orders nothing but by barriers, with one thing taken out of it."""

    def __init__(self, profile: UnorderedProfile, rule: str) -> None:
        super().__init__()
        self.name = f"{profile.name} without {rule}"
        self.summary = profile.summary
        self.rules = profile.rules
        self._rule = rule

    def forced(self, log: Sequence[Op]) -> list[int]:
        forced = super().forced(log)
        if self._rule != _NAMES:
            return forced
        return [
            WHOLE if isinstance(op, Link | Unlink | Rename) else state for op, state in zip(log, forced, strict=True)
        ]

    def sector_options(self, op: Write, sector: int, size_bytes: int) -> tuple[Fate, ...]:
        taken = _SECTORS.get(self._rule)
        return tuple(fate for fate in super().sector_options(op, sector, size_bytes) if fate != taken)

    def rename_outcomes(self, op: Rename, forced: int, *, replaced_last: bool, fresh: bool) -> list[Steps | None]:
        outcomes = super().rename_outcomes(op, forced, replaced_last=replaced_last, fresh=fresh)
        if self._rule != _BOTH_NAMES:
            return outcomes
        return [part for part in outcomes if part is None or part.done != Step.DESTINATION_LINKED]
