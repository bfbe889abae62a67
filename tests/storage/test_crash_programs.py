"""Programs known to be right or wrong, on each profile: violating and distinct states. Zero stays zero, the rest does not.

Counts are fixed where all states can be listed, so that a model that grows kinder, or harsher, by one state shows here.
"""

import random

import pytest

from harness.storage.powerloss import every_cut
from harness.storage.profiles import registry
from tests.storage.crash_programs import PROGRAMS, count_violations, recorded, violates

# Violating of distinct states for three transactions.
EXACT = {
    ("in-place rewrite+fsync", "posix-weak"): (94, 101),
    ("in-place rewrite+fsync", "alice-default"): (94, 101),
    ("in-place rewrite+fsync", "ext4-ordered"): (3, 10),
    ("in-place rewrite+fsync", "fat"): (109, 116),
    ("tmp+rename, no fsync", "ext4-ordered"): (12, 13),
    ("tmp+rename, no fsync", "ext4-noauto_da_alloc"): (13, 14),
    ("tmp+fsync+rename, no directory fsync", "posix-weak"): (32, 54),
    ("tmp+fsync+rename, no directory fsync", "ext4-ordered"): (3, 13),
    ("tmp+fsync+rename+directory fsync", "posix-weak"): (0, 22),
    ("tmp+fsync+rename+directory fsync", "alice-default"): (8, 30),
    ("tmp+fsync+rename+directory fsync", "ext4-ordered"): (0, 13),
    ("tmp+fsync+rename+directory fsync", "ext4-noauto_da_alloc"): (0, 13),
    ("tmp+fsync+rename+directory fsync", "fat"): (8, 30),
    ("lines appended, no fsync", "ext4-ordered"): (50, 51),
    ("lines appended+fsync, naive parser", "posix-weak"): (60, 68),
    ("lines appended+fsync, naive parser", "ext4-ordered"): (18, 26),
    ("lines appended+fsync, naive parser", "fat"): (60, 68),
    ("checked log+fsync", "posix-weak"): (0, 68),
    ("checked log+fsync", "alice-default"): (0, 68),
    ("checked log+fsync", "ext4-ordered"): (0, 26),
    ("checked log+fsync", "fat"): (0, 68),
    ("TinyDB's storage", "posix-weak"): (20, 28),
    ("TinyDB's storage", "ext4-ordered"): (10, 18),
    ("TinyDB's storage", "fat"): (20, 28),
}
# Too many states to list them all.
WRONG_EVERYWHERE = (
    "tmp+rename, no fsync",
    "in-place rewrite+fsync",
    "lines appended, no fsync",
    "lines appended+fsync, naive parser",
    "dbm.dumb",
    "TinyDB's storage",
)


@pytest.mark.parametrize(("program", "profile"), list(EXACT), ids=lambda name: name)
def test_violating_and_distinct_states_are_the_known_ones(program: str, profile: str) -> None:
    assert count_violations(PROGRAMS[program], registry.get(profile)) == EXACT[program, profile]


@pytest.mark.parametrize("profile", ["posix-weak", "alice-default", "ext4-ordered", "ext4-noauto_da_alloc", "fat"])
@pytest.mark.parametrize("program", WRONG_EVERYWHERE)
def test_wrong_programs_lose_transactions_on_every_profile(program: str, profile: str) -> None:
    violating, distinct = count_violations(PROGRAMS[program], registry.get(profile), limit=60)
    assert 0 < violating <= distinct


@pytest.mark.parametrize("profile", ["posix-weak", "ext4-ordered", "fat"])
def test_draws_find_what_listing_finds(profile: str) -> None:
    """A hundred seeded cuts at random moments catch each wrong program, and no right one."""
    model = registry.get(profile)
    right = {"checked log+fsync"} | ({"tmp+fsync+rename+directory fsync"} if profile != "fat" else set())
    for name, program in PROGRAMS.items():
        base, log, acknowledged = recorded(program)
        rng = random.Random(name)
        found = 0
        for _ in range(100):
            point = rng.randint(0, len(log))
            promised = [number for length, number in acknowledged if length <= point]
            found += violates(program, model.draw(base, log[:point], rng).image, promised)
        assert (found == 0) == (name in right), f"{name}: {found} of 100"


def test_replacing_a_file_in_two_steps_is_caught_as_a_lost_acknowledgement() -> None:
    """The state that breaks a missing directory fsync is told as what it is."""
    program = PROGRAMS["tmp+fsync+rename, no directory fsync"]
    base, log, acknowledged = recorded(program)
    stories = [
        state.description
        for point, state in every_cut(registry.get("ext4-ordered"), base, log, limit=500, rng=random.Random(0))
        if violates(program, state.image, [number for length, number in acknowledged if length <= point])
    ]
    assert stories and all("the rename of /state.tmp to /state.json was lost" in story for story in stories)
