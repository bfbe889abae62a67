"""The first boot after an update, cut at every step."""

import pytest

from harness.engine.crashpoints.child import lacks
from harness.engine.crashpoints.flows import FLOWS
from harness.history.events import TerminalInstalled
from harness.terminals.reference import ReferenceTerminal
from tests.engine.crashpoints.explored import explored, invariants, recorded, setting

UPDATE = FLOWS.get("update")


@pytest.mark.soak
def test_the_reference_comes_through_on_every_medium():
    report = explored("reference", "update", ("all",))
    assert report.found == [] and report.because == []
    assert report.judged > 150


def test_the_reference_comes_through_on_the_poorest_medium():
    report = explored("reference", "update", ("posix-weak",))
    assert report.found == [] and report.because == []
    assert report.judged > 20


def test_it_begins_on_what_the_release_before_left():
    before = recorded("reference", "update").before
    installed = next(event for event in before if isinstance(event, TerminalInstalled))
    assert installed.software == ReferenceTerminal.manifest.previous


def test_a_migration_in_place_is_caught():
    assert 1 in invariants(explored("migrated_in_place", "update", ("ext4-ordered",)))


def test_software_with_no_release_before_it_has_no_such_flow():
    assert "no release before it" in lacks(setting("tinydb"), UPDATE)
    assert lacks(setting("reference"), UPDATE) == ""
