"""Campaign files: what a matrix comes to, every mistake at once at its place, and cells that are scenarios of their own."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.core.units import US_PER_MINUTE
from harness.faults.base import FaultPlan, Trigger
from harness.scenario import find
from harness.scenario.campaign import PHASES, Campaign, load_campaign
from harness.scenario.load import load_file, load_scenario, load_text
from harness.scenario.problems import ScenarioErrors
from harness.scenario.schema import CAMPAIGN_SCHEMA_FILE, campaign_schema, schema_text

BASE = "name: base\nfaults:\n  - {type: power_loss, at: {action: sale}}\n  - {type: host_silent, at: {action: sale}}\n"


def campaign(place: Path, matrices: str, head: str = "name: c\nruns: 3\n") -> Campaign:
    (place / "base.yaml").write_text(BASE)
    (place / "other.yaml").write_text("name: other\n")
    (place / "c.yaml").write_text(f"{head}matrices:\n{matrices}")
    return load_campaign(place / "c.yaml")


def problems(place: Path, matrices: str, head: str = "name: c\n") -> list[str]:
    with pytest.raises(ScenarioErrors) as caught:
        campaign(place, matrices, head)
    return [problem.text("c") for problem in caught.value.problems]


def labels(found: Campaign) -> list[str]:
    return [cell.label.rpartition("/")[2] for cell in found.cells]


def test_a_matrix_without_anything_varied_is_its_scenarios_as_they_are(tmp_path: Path) -> None:
    found = campaign(tmp_path, "  - {scenarios: [base.yaml, power/plain_counter, base.yaml]}\n")
    assert [(cell.label, cell.varied, cell.runs) for cell in found.cells] == [
        ("base", (), 3), ("power/plain_counter", (), 3),
    ]  # fmt: skip
    assert found.cells[1].plan == load_scenario("power/plain_counter") and found.runs == 6
    # A folder of the campaign's own, without campaigns in it.
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "one.yaml").write_text("name: one\n")
    (tmp_path / "folder" / "two.yaml").write_text("name: two\nmatrices: []\n")
    assert labels(campaign(tmp_path, "  - {scenarios: [folder]}\n")) == ["one"]


def test_faults_are_added_or_left_by_family_and_placed_by_phases(tmp_path: Path) -> None:
    found = campaign(
        tmp_path,
        "  - scenarios: [base.yaml]\n"
        "    faults: [as_is, none, host, power_loss, partition, {type: partition, name: mine, times: 2}]\n"
        "    phases: [settle, {name: late, at: {time: '20:00'}}]\n"
        "    cover: full\n",
    )
    assert labels(found) == [
        "base", "base: none", "base: host", "base: power_loss at settle", "base: power_loss at late",
        "base: partition at settle", "base: partition at late", "base: mine at settle", "base: mine at late",
    ]  # fmt: skip
    faults = [cell.plan.faults for cell in found.cells]
    own = load_file(tmp_path / "base.yaml").faults
    assert faults[:3] == [own, (), own[1:]]
    added: list[FaultPlan] = [each[-1] for each in faults[3:]]
    assert [each[:-1] for each in faults[3:]] == [own] * 6
    # Named alone: about once a day, half an hour if it is a condition. A name that is taken is not taken twice.
    assert [(each.name, each.per_day, each.lift_after_us, each.scheduled) for each in added] == [
        ("power_loss_2", 1.0, None, False), ("power_loss_2", 1.0, None, False),
        ("partition", 1.0, 30 * US_PER_MINUTE, False), ("partition", 1.0, 30 * US_PER_MINUTE, False),
        ("mine", None, None, True), ("mine", None, None, True),
    ]  # fmt: skip
    assert [each.trigger for each in added[:2]] == [PHASES["settle"], Trigger(time_us=20 * 60 * US_PER_MINUTE)]


def test_profiles_devices_merchants_and_sizes_change_the_plan_and_every_pair_meets(tmp_path: Path) -> None:
    found = campaign(
        tmp_path,
        "  - scenarios: [base.yaml, other.yaml]\n    profiles: [as_is, fat, jffs2]\n    devices: [as_is, legacy]\n"
        "    merchants: [hotel, stall]\n    terminals: 2\n    runs: 7\n",
    )
    assert 6 <= len(found.cells) <= 9 and found.runs == 7 * len(found.cells)
    met = {(axis, value, cell.path.name) for cell in found.cells for axis, value in cell.varied}
    assert {value for axis, value, _ in met if axis == "profiles"} == {"fat", "jffs2"}
    assert len([each for each in met if each[0] == "merchants"]) == 4
    for cell in found.cells:
        varied = dict(cell.varied)
        assert cell.plan.terminals == 2 and cell.plan.merchants[0].merchant == varied["merchants"]
        assert cell.plan.profile == varied.get("profiles", "ext4-ordered")
        assert cell.plan.device.class_name == varied.get("devices")
        # What runs is what can be read.
        assert load_text(cell.text) == cell.plan


def test_every_pair_that_any_cell_can_hold_stands_in_some_cell_that_is_run(tmp_path: Path) -> None:
    """Also beside what cannot be built: the pairs of a row that is left out meet in another."""
    axes = (
        "  - scenarios: [base.yaml, other.yaml, power/plain_counter]\n"
        "    faults: [as_is, none, {type: full_storage, volume: card, per_day: 1}, partition]\n"
        "    phases: [settle, sale]\n    profiles: [as_is, fat]\n    devices: [as_is, mpos-raw, legacy]\n"
    )

    def met(cover: str) -> tuple[set[tuple[tuple[str, str], ...]], int]:
        cells = campaign(tmp_path, f"{axes}    cover: {cover}\n").cells
        held = [[("scenario", cell.path.name), *cell.varied] for cell in cells]
        return {pair for each in held for pair in itertools.combinations(sorted(each), 2)}, len(cells)

    (whole, every), (few, some) = met("full"), met("all_pairs")
    assert whole == few and some < every


def test_what_cannot_be_is_left_out_and_told(tmp_path: Path) -> None:
    found = campaign(
        tmp_path,
        "  - {scenarios: [base.yaml, other.yaml], faults: [power, memory, as_is]}\n"
        "  - scenarios: [other.yaml]\n    faults: [{type: full_storage, volume: card, per_day: 1}, partition]\n"
        "    devices: [as_is, mpos-raw]\n",
    )
    assert labels(found)[:3] == ["base: power", "base", "other"]
    assert all("full" not in each for each in labels(found))
    assert any("no fault of the family memory" in each for each in found.left_out)
    assert any("no volume named 'card'" in each for each in found.left_out)
    with pytest.raises(UsageError, match="no combination of it can be run"):
        campaign(tmp_path, "  - {scenarios: [other.yaml], faults: [memory]}\n")


def test_every_mistake_is_told_at_once_and_at_its_place(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        "  - scenarios: [basis.yaml, power/plain_countre]\n    profiles: [fatt]\n    phases: [sale]\n"
        "  - scenarios: [base.yaml]\n    faults: [power_los, {type: power_loss, off_for: 3}, {type: partition, at: {day: 1}}]\n"
        "    phases: [sael]\n    devices: [legasy]\n    merchants: []\n",
        "name: c\nruns: 0\n",
    )
    assert found == [
        "c:2:7: runs: expected 1 to 1,000,000, found 0",
        "c:4:17: matrices[0].scenarios[0]: there is no file basis.yaml, and no scenario of that name (harness list scenarios)",
        "c:4:29: matrices[0].scenarios[1]: no scenario or file named 'power/plain_countre'; did you mean "
        "'power/plain_counter'? (harness list scenarios)",
        "c:5:16: matrices[0].profiles[0]: no profile named 'fatt'; did you mean 'fat'?",
        "c:6:14: matrices[0].phases[0]: phases say when the faults of 'faults' strike; name a fault there",
        "c:8:14: matrices[1].faults[0]: no fault or family named 'power_los'; did you mean 'power_loss'?",
        "c:8:53: matrices[1].faults[1].off_for: expected a duration with its unit, such as 90s, 250 ms or 2min 30s, found 3",
        "c:8:79: matrices[1].faults[2].at: expected either 'at' here or 'phases', found both",
        "c:9:14: matrices[1].phases[0]: no phase named 'sael'; did you mean 'sale'?",
        "c:10:15: matrices[1].devices[0]: no device class named 'legasy'; did you mean 'legacy'?",
        "c:11:16: matrices[1].merchants: the list is empty; leave the key out, or name one",
    ]
    assert problems(tmp_path, "  - {scenario: [x]}\n") == [
        "c:3:5: matrices[0]: missing key 'scenarios'",
        "c:3:6: matrices[0].scenario: unknown key 'scenario'; did you mean 'scenarios'?",
    ]


def test_a_campaign_is_told_from_a_scenario(tmp_path: Path) -> None:
    campaign(tmp_path, "  - {scenarios: [base.yaml]}\n")
    assert find.campaign_file(str(tmp_path / "c.yaml")) == tmp_path / "c.yaml"
    assert find.campaign_file(str(tmp_path / "base.yaml")) is None and find.campaign_file("power/plain_counter") is None
    with pytest.raises(ScenarioErrors, match="this is a campaign, no scenario; use harness sweep on it"):
        load_file(tmp_path / "c.yaml")
    assert {path.name for path in find.selected((str(tmp_path),))} == {"base.yaml", "other.yaml"}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(find.campaigns()))
def test_every_shipped_campaign_loads_and_says_what_it_is_for(name: str) -> None:
    found = load_campaign(find.campaigns()[name])
    assert found.source == name and len(found.summary) > 40 and found.summary.endswith(".") and not found.left_out
    first = find.campaigns()[name].read_text("utf-8").split("\n")[0]
    assert first == "# yaml-language-server: $schema=../_schema/campaign.schema.json"


def test_the_schema_of_campaigns_is_fresh() -> None:
    fresh = (find.scenarios_root() / CAMPAIGN_SCHEMA_FILE).read_text("utf-8") == schema_text(campaign_schema())
    assert fresh, "stale: run python -m harness.scenario.schema"
