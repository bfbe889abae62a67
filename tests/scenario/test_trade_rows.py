"""The rows of the trade, and what scenario files may say of them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from harness.scenario import find
from harness.scenario.coverage import coverage, happens
from harness.scenario.load import load_file, load_scenario, load_text
from harness.scenario.problems import ScenarioErrors
from harness.scenario.resolve import write_resolved
from harness.scenario.schema import schema_text
from harness.scenario.trade import CLASSES, row_ids, trade_rows

COVERS_NOTHING = {"power/plain_counter"}
"""What crash points start from: nothing goes wrong in it by itself."""


def test_every_item_of_the_articles_is_one_row() -> None:
    rows = trade_rows()
    assert len(rows) == len(set(row_ids())) == 103
    for row in rows:
        head, _, name = row.id.partition(".")
        assert head == f"a{row.articles[0]}" and name.replace("_", "").isalpha() and name == name.lower()
        assert row.articles == tuple(sorted(set(row.articles))) and set(row.articles) <= {0, 1, 2, 3, 4}
        assert row.chinese and row.english and set(row.classes) <= set(CLASSES)
        assert row.invariants or row.measures or row.not_simulated
        assert all(1 <= number <= 31 for number in row.invariants)
    # In the articles' order: the article that names an item first never goes back.
    firsts = [row.articles[0] for row in rows if row.articles[0] > 1]
    assert firsts == sorted(firsts)
    assert {article for row in rows for article in row.articles} == {0, 1, 2, 3, 4}


def test_a_row_that_is_not_there_is_told_with_the_nearest_name_and_its_place() -> None:
    with pytest.raises(ScenarioErrors) as caught:
        load_text("name: x\ncovers: [a0.power_cut, a1.settlement_needs_spaces,\n  bogus]\n", "f")
    assert str(caught.value).splitlines()[:2] == [
        "f:2:24: covers[1]: no row of the trade named 'a1.settlement_needs_spaces'; did you mean 'a1.settlement_needs_space'?",
        "f:3:3: covers[2]: no row of the trade named 'bogus'; `harness coverage` lists them",
    ]


def test_a_resolved_scenario_replays_whatever_it_once_covered(tmp_path: Path) -> None:
    plan = dataclasses.replace(load_text("name: x\n"), covers=("a9.of_another_release",))
    write_resolved(plan, tmp_path / "r.yaml", {"T01/x": 1})
    assert load_file(tmp_path / "r.yaml").covers == ("a9.of_another_release",)


def test_editors_complete_the_rows() -> None:
    assert json.loads(schema_text())["properties"]["covers"]["items"]["enum"] == list(row_ids())


@pytest.mark.parametrize("name", [name for name in find.names() if name not in COVERS_NOTHING])
def test_a_scenario_that_covers_a_row_has_something_go_wrong(name: str) -> None:
    plan = load_scenario(name)
    assert plan.covers and happens(plan)
    assert len(set(plan.covers)) == len(plan.covers)


def test_rows_without_a_scenario_stand_first_and_advice_is_not_missed() -> None:
    rows = coverage({"s": load_text("name: s\ncovers: [a0.power_cut]\nfaults: [{type: power_loss}]\n")})
    assert [row.row.id for row in rows if row.scenarios] == ["a0.power_cut"]
    missing = [row.is_missing for row in rows]
    assert missing == sorted(missing, reverse=True)
    advice = [row.row.id for row in rows if not row.is_missing and not row.scenarios]
    assert advice == [row.id for row in trade_rows() if row.not_simulated]
    assert rows[missing.index(False)].scenarios == {"s": ("power_loss",)}


def test_what_happens_names_faults_and_habits_that_are_not_ordinary() -> None:
    plan = load_text(
        "name: s\nhost: {no_reply: 4%}\npeople: {restarts_per_day: 2, settles_twice: 0%}\n"
        "faults: [{type: crash}, {type: crash, name: again}, {type: partition}]\n"
    )
    assert happens(plan) == ("crash", "partition", "people.restarts_per_day", "host.no_reply")
    assert happens(load_text("name: s\n")) == ()
    assert happens(load_text("name: s\nsales_per_day: 900\n")) == ("sales_per_day",)
