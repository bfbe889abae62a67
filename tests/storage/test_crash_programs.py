"""Programs known to be right or wrong, on each profile: violating and distinct states. Zero stays zero, the rest does not.

Counts are fixed where all states can be listed, so that a model that grows kinder, or harsher, by one state shows here.
"""

import random

import pytest

from harness.storage.powerloss import every_cut
from harness.storage.profiles import registry
from tests.storage.crash_programs import PROGRAMS, count_violations, every_promise, recorded, violates
from tests.storage.program_counts import (
    BETRAYS,
    COUNTS,
    DIFFERENCES,
    LIMIT,
    MEASURED,
    ORDER,
    RENAME_IS_SEVERAL_WRITES,
    RIGHT,
    RIGHT_THERE,
)

PAIRS = [(program, profile) for profile in registry.names() for program in ORDER]


def counted(table: dict[str, str], program: str, profile: str) -> str:
    """The entry of a program and profile."""
    assert profile in table, f"{profile} has no row: python -m tests.storage.program_counts prints it"
    return table[profile].split()[ORDER.index(program)]


def is_zero(entry: str) -> bool:
    return entry.lstrip("~").startswith("0/")


def is_right(program: str, profile: str) -> bool:
    """Whether the program must not lose anything there."""
    if program in RIGHT and profile not in BETRAYS:
        return not ("rename" in program and profile in RENAME_IS_SEVERAL_WRITES)
    return profile in RIGHT_THERE.get(program, ())


@pytest.mark.parametrize(("program", "profile"), PAIRS, ids=lambda name: name)
def test_zero_stays_zero_and_the_rest_stays_what_it_is(program: str, profile: str) -> None:
    count = count_violations(PROGRAMS[program], registry.get(profile), LIMIT)
    assert (count.violating == 0) == is_right(program, profile), str(count)
    committed = counted(COUNTS, program, profile)
    assert count.exhaustive == ("~" not in committed)
    # A sample moves with any change of the model, and says no more than that there is something to find.
    assert str(count) == committed or not count.exhaustive, f"{count}, committed {committed}"


def test_the_table_has_every_program() -> None:
    assert set(ORDER) == set(PROGRAMS) and all(len(row.split()) == len(ORDER) for row in (COUNTS | MEASURED).values())


@pytest.mark.parametrize(
    ("program", "profile"), [(program, profile) for profile in MEASURED for program in ORDER], ids=lambda name: name
)
def test_each_difference_from_the_prototype_is_explained(program: str, profile: str) -> None:
    ours, theirs = counted(COUNTS, program, profile), counted(MEASURED, program, profile)
    reasons = [each for each in DIFFERENCES if each.profile == profile and program in each.programs]
    assert len(reasons) == (ours != theirs and theirs != "-")
    if theirs != "-":
        turned = is_zero(theirs) and not is_zero(ours)
        assert is_zero(theirs) or not is_zero(ours)
        assert [each.turned for each in reasons] == [turned] * len(reasons)
        assert not turned or program not in RIGHT


@pytest.mark.parametrize("profile", sorted(BETRAYS))
@pytest.mark.parametrize("program", ["checked log+fsync", "two checked slots in turn+fsync"])
def test_right_programs_lose_only_where_the_medium_is_to_blame(program: str, profile: str) -> None:
    """Of right programs every violating state is one that the medium's survivability excuses."""
    model = registry.get(profile)
    betrayed = 0
    for state, promised, _ in every_promise(PROGRAMS[program], model):
        if violates(PROGRAMS[program], state.image, promised):
            assert {1, 17} <= set(model.excuses(state)), state.description
            betrayed += 1
    assert betrayed


@pytest.mark.parametrize("profile", ["posix-weak", "ext4-ordered", "fat"])
def test_draws_find_what_listing_finds(profile: str) -> None:
    """A hundred seeded cuts at random moments catch each wrong program, and no right one."""
    model = registry.get(profile)
    for name, program in PROGRAMS.items():
        base, log, acknowledged = recorded(program)
        rng = random.Random(name)
        found = 0
        for _ in range(100):
            point = rng.randint(0, len(log))
            promised = [number for length, number in acknowledged if length <= point]
            found += violates(program, model.draw(base, log[:point], rng).image, promised)
        assert (found == 0) == is_right(name, profile), f"{name}: {found} of 100"


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
