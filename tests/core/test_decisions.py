"""Decisions: drawn by name, recorded as text, replayed by name; a missing key is neutral and counted."""

import io
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.decisions import Decisions, read_pins
from harness.core.streams import Streams

KEYS = st.from_regex(r"k[A-Za-z0-9_.#/-]{0,30}", fullmatch=True)


def test_a_key_draws_the_same_whatever_was_drawn_before() -> None:
    alone = Decisions(Streams(7)).uniform("T03/a17/link.up/0")
    after_others = Decisions(Streams(7))
    for ordinal in range(50):
        after_others.uniform(f"T01/a{ordinal}/link.up/0")
    assert after_others.uniform("T03/a17/link.up/0") == alone


def test_another_seed_draws_another_value() -> None:
    assert Decisions(Streams(1)).uniform("x") != Decisions(Streams(2)).uniform("x")


def test_ordinals_count_within_their_scope_alone() -> None:
    decisions = Decisions(Streams(1))
    assert [decisions.key("a"), decisions.key("b"), decisions.key("a")] == ["a/0", "b/0", "a/1"]
    decisions.forget(("a",))
    assert decisions.key("a") == "a/0"


@given(
    st.lists(st.tuples(KEYS, st.sampled_from(["uniform", "integer", "seed", "text"])), unique_by=lambda pair: pair[0])
)
def test_what_was_spilled_replays_to_the_same_values(draws: list[tuple[str, str]]) -> None:
    def draw(decisions: Decisions) -> list[object]:
        values: list[object] = []
        for key, kind in draws:
            if kind == "uniform":
                values.append(decisions.uniform(key))
            elif kind == "integer":
                values.append(decisions.integer(key, 0, lambda u: int(u * 1000)))
            elif kind == "seed":
                values.append(decisions.seed(key))
            else:
                values.append(decisions.text(key, "", lambda bits: f"店 {bits} 'quoted' \\ \n\"" + chr(9)))
        return values

    spill = io.StringIO()
    drawn = draw(Decisions(Streams(11), spill=spill))
    replay = Decisions(Streams(99), pinned=read_pins(spill.getvalue().splitlines()))
    assert draw(replay) == drawn
    assert replay.divergences == 0


def test_a_missing_pin_takes_the_neutral_value_and_is_told() -> None:
    told: list[str] = []
    decisions = Decisions(Streams(1), pinned={"known": 0.25}, on_divergence=told.append)
    assert decisions.uniform("known") == 0.25
    assert decisions.uniform("unknown", neutral=0.5) == 0.5
    assert decisions.integer("gone", 3, lambda u: 9) == 3
    assert (decisions.divergences, told) == (2, ["unknown", "gone"])


@pytest.mark.parametrize(
    ("line", "said"),
    [("lonely", "expected 'key value'"), ("k nonsense", "expected a number"), ("k 'open", "unfinished")],
)
def test_a_broken_pin_names_its_line(line: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"line 3: {said}"):
        read_pins(["# a comment", "fine 1", line])


def test_streams_do_not_depend_on_the_hash_seed() -> None:
    script = (
        "from harness.core.streams import Streams; s=Streams(5); print(s.uniform('a'), s.generator('b','c').random())"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1


def test_of_a_run_that_was_killed_the_rest_is_drawn_as_it_was() -> None:
    drawn = Decisions(Streams(7))
    whole = {f"a/{n}": drawn.uniform(f"a/{n}") for n in range(20)}
    assert whole != {f"a/{n}": Decisions(Streams(8)).uniform(f"a/{n}") for n in range(20)}
    first = dict(list(whole.items())[:9])
    again = Decisions(Streams(7), first, draws_missing=True)
    assert {key: again.uniform(key) for key in whole} == whole
    assert again.seed("s") == drawn.seed("s") and again.divergences == 0
    edited = Decisions(Streams(7), {**first, "a/3": 0.125}, draws_missing=True)
    assert edited.uniform("a/3") == 0.125
    assert Decisions(Streams(7), first).uniform("a/19") == 0.5
