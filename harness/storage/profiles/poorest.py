"""The poorest legal image of a cut: nothing more than what is sure to be on the medium.

Models: every choice of the medium falls to "lost", an ordered log is cut at its beginning, and the medium breaks nothing besides.
Does not model: what a cut usually leaves; that is more.
"""

from collections.abc import Sequence

from harness.storage.image import Image
from harness.storage.oplog import Op
from harness.storage.profiles.base import Profile
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


def poorest_image(profile: Profile, base: Image, log: Sequence[Op]) -> Image:
    """What mounting finds when a cut after ``log`` took everything that it may take."""
    return profile.mount(profile.crash(base, log, Poorest()).draft)
