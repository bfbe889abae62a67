"""The poorest legal image of a cut: nothing more than what is sure to be on the medium.

Models: every choice of the medium falls to "lost", an ordered log is cut at its beginning, and the medium breaks nothing besides.
Does not model: what a cut usually leaves; that is more.
"""

from collections.abc import Sequence

from harness.storage.image import Image
from harness.storage.oplog import Op
from harness.storage.profiles.base import CrashState, Profile
from harness.storage.profiles.choices import Choices


class Poorest(Choices):
    """Loses all that may be lost."""

    __slots__ = ()

    def pick(self, count: int) -> int:
        return min(1, count - 1)

    def cut(self, length: int) -> int:
        return 0

    def rarely(self, one_in: int) -> bool:
        return False

    def any_of(self, count: int) -> int:
        return 0


def poorest_state(profile: Profile, base: Image, log: Sequence[Op]) -> CrashState:
    """What a cut after ``log`` leaves that took everything it may take, with the account of it."""
    return profile.answered_by(Poorest(), base, log)


def poorest_image(profile: Profile, base: Image, log: Sequence[Op]) -> Image:
    """What mounting finds then."""
    return poorest_state(profile, base, log).image
