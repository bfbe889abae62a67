"""Each mutant does the harm it is named for, in a scenario that the reference terminal passes unharmed."""

from importlib import import_module, reload

import pytest
from batch_scenarios import BATCH_SCENARIOS
from chip_scenarios import CHIP_SCENARIOS
from desk_scenarios import DESK_SCENARIOS
from doubt_scenarios import DOUBT_SCENARIOS, cut_everywhere
from settling_scenarios import SETTLING_SCENARIOS
from storage_scenarios import STORAGE_SCENARIOS
from terminal_bench import PowerCut
from update_scenarios import UPDATE_SCENARIOS

from harness.terminals.catalogue import CATALOGUE
from harness.terminals.reference import ReferenceTerminal

SCENARIOS = (
    BATCH_SCENARIOS
    | CHIP_SCENARIOS
    | DESK_SCENARIOS
    | DOUBT_SCENARIOS
    | SETTLING_SCENARIOS
    | STORAGE_SCENARIOS
    | UPDATE_SCENARIOS
)


def load(name):
    """As after power on: what a module held is gone."""
    module_name, _, class_name = CATALOGUE[name].spec.partition(":")
    return getattr(reload(import_module(module_name)), class_name)


def test_every_mutant_has_a_scenario():
    assert set(SCENARIOS) == {
        shipped.name for shipped in CATALOGUE.values() if shipped.caught_by and not shipped.at_crash_points
    }


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_mutant_does_its_harm(make_bench, name):
    assert SCENARIOS[name](make_bench, lambda: load(name)) != []


@pytest.mark.parametrize("scenario", sorted(set(SCENARIOS.values()) - {cut_everywhere}, key=lambda each: each.__name__))
def test_the_reference_passes_the_same_scenario(make_bench, scenario):
    assert scenario(make_bench, lambda: ReferenceTerminal) == []


def test_a_cut_is_not_an_exception_that_software_could_catch():
    assert not issubclass(PowerCut, Exception)
