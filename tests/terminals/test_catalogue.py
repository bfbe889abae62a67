"""Every shipped name leads to a terminal, and listing them imports none."""

import subprocess
import sys
from importlib import import_module

import pytest

from harness.contract import Terminal
from harness.terminals import catalogue
from harness.terminals.catalogue import CATALOGUE


@pytest.mark.parametrize("shipped", CATALOGUE.values(), ids=lambda shipped: shipped.name)
def test_a_shipped_name_leads_to_a_terminal_that_says_what_it_models(shipped):
    module_name, _, class_name = shipped.spec.partition(":")
    module = import_module(module_name)
    kind = getattr(module, class_name)
    assert issubclass(kind, Terminal)
    assert module.__doc__ and kind.manifest.actions
    for number in shipped.caught_by[:1]:
        assert f"I{number}" in module.__doc__


def test_no_name_is_given_twice():
    # The later one would silently take the place of the earlier.
    assert len(CATALOGUE) == len(catalogue._ALL)


def test_every_module_of_mutants_is_in_the_catalogue():
    import harness.terminals.mutants as mutants

    found = {path.stem for path in __import__("pathlib").Path(mutants.__path__[0]).glob("*.py")} - {"__init__"}
    assert found == {shipped.name for shipped in CATALOGUE.values() if shipped.caught_by}


def test_listing_imports_no_terminal_and_no_storage_engine():
    code = (
        "import sys, harness.terminals.catalogue; print([m for m in sys.modules if 'tinydb' in m or 'reference' in m])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
