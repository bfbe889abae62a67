"""Whether an image is one that a profile allows: decided, not sampled, for logs too long to list every image of.

Models: for file systems with an ordered journal, and for most of those that order nothing, a decision of their own
(``membership_journal``, ``membership_unordered``); for other profiles every legal image is listed, as far as that goes.
Does not model: inode numbers (an image read from a mount has its own): trees are compared by path, and files with several
names by which names they share.
The rules themselves are the crash models' own: there is one description of each medium, and two ways to ask it.
"""

import random
from collections.abc import Sequence

from harness.storage.image import Image
from harness.storage.oplog import Op
from harness.storage.profiles import membership_journal, membership_unordered
from harness.storage.profiles.base import Profile
from harness.storage.profiles.journalled import JournalledProfile
from harness.storage.profiles.membership_files import Answer, canonical
from harness.storage.profiles.unordered import UnorderedProfile

__all__ = ["Answer", "canonical", "is_allowed"]

_LISTED_MAX = 6_000


def is_allowed(profile: Profile, base: Image, log: Sequence[Op], image: Image) -> Answer:
    """Whether a cut after ``log`` may leave ``image``."""
    if isinstance(profile, JournalledProfile):
        return membership_journal.decide(profile, base, log, image)
    if isinstance(profile, UnorderedProfile) and membership_unordered.takes(profile):
        return membership_unordered.decide(profile, base, log, image)
    return _listed(profile, base, log, image)


def _listed(profile: Profile, base: Image, log: Sequence[Op], image: Image) -> Answer:
    wanted = canonical(image)
    base, log = profile.durable_prefix(base, log)
    states = profile.legal_images(base, log, _LISTED_MAX, random.Random(0))
    if any(canonical(state.image) == wanted for state in states):
        return Answer.ALLOWED
    return Answer.NOT_ALLOWED if states.exhaustive else Answer.UNDECIDED
