"""The pytest plugin: scenarios collected as tests, fixtures that run them, options and markers.

Models: nothing; it hands over to ``harness.testing`` when a scenario is collected or a fixture asked for. Until then it costs
a few milliseconds and does nothing: without a ``--harness-...`` option, a marker, a fixture or a file ``*.scenario.yaml`` a
run of pytest goes as without it. ``-p no:harness`` leaves it out. Documentation for users: ``harness/docs/pytest.md``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.testing.keys import CHOSEN, CURRENT, SEED

if TYPE_CHECKING:
    from harness.testing.running import Ran

SUFFIXES = (".scenario.yaml", ".scenario.yml", ".scenario.json")
"""A file of such a name is a scenario wherever pytest meets it."""

_MARKERS = (
    'harness_terminal(SPEC): the terminal software that this test runs, such as "mine.py:MyTerminal" (beside the test)',
    "harness_seed(*seeds): run this test once with each of these seeds",
    "harness_scenario: every scenario that was collected as a test has it, so that `-m harness_scenario` selects them",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options, and what of them a project keeps in its configuration."""
    group = parser.getgroup("harness", "payment terminals under faults (terminal-fault-harness)")
    add = group.addoption
    add(
        "--harness-scenarios",
        action="append",
        default=[],
        metavar="DIR|NAME",
        help="run these scenarios, too: a directory, a file or a shipped name such as power/cut_in_flight; may be repeated",
    )
    add(
        "--harness-terminal", metavar="SPEC", help="terminal software: a name, pkg.mod:Class, file.py:Class or exec:CMD"
    )
    add("--harness-seeds", type=int, metavar="N", help="run each scenario with the seeds 1 to N")
    add(
        "--harness-seed", type=int, action="append", default=[], metavar="S", help="run with this seed; may be repeated"
    )
    add("--harness-profile", metavar="P", help="what the medium may lose at power loss (harness list profiles)")
    add("--harness-device", metavar="CLASS", help="the kind of device instead of the scenario's (harness list devices)")
    add("--harness-dialect", metavar="SPEC", help="what the host speaks: FILE.yaml or package.module:Class")
    add("--harness-wall-limit", type=float, metavar="S", help="seconds of real time that a run may take; default: 600")
    add("--harness-out", metavar="DIR", help="keep history, verdict and resolved scenario of each run below DIR")
    add(
        "--harness-inconclusive",
        choices=("fail", "xfail", "skip"),
        help="what a run that proves nothing counts as; default: fail. It never passes",
    )
    for key, what in (
        ("harness_terminal", "terminal software that is run unless --harness-terminal or a marker says otherwise"),
        ("harness_dialect", "what its host speaks, as --harness-dialect"),
        ("harness_inconclusive", "what a run that proves nothing counts as: fail, xfail or skip"),
    ):
        parser.addini(key, what, default="")


def pytest_configure(config: pytest.Config) -> None:
    """Markers are known under ``--strict-markers``; scenarios that the command line names are collected like its files."""
    for line in _MARKERS:
        config.addinivalue_line("markers", line)
    asked = vars(config.option)
    if any(value for name, value in asked.items() if name.startswith("harness_")) or asked["harness_seeds"] is not None:
        from harness.testing.choices import settle

        settle(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A scenario file is a collector of one test for each seed."""
    if not file_path.name.endswith(SUFFIXES) and file_path not in parent.config.stash.get(CHOSEN, frozenset()):
        return None
    from harness.testing.items import collector

    return collector(file_path, parent)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with the marker ``harness_seed``, or with a fixture that runs, comes once for each seed."""
    marker = metafunc.definition.get_closest_marker(SEED)
    seeds = tuple(marker.args) if marker is not None else ()
    if not seeds and {"run_scenario", "trading_day"} & set(metafunc.fixturenames):
        from harness.testing.choices import seeds_asked

        seeds = seeds_asked(metafunc.config)
    if not seeds:
        return
    if SEED not in metafunc.fixturenames:
        metafunc.fixturenames.append(SEED)
    metafunc.parametrize(SEED, seeds, ids=[f"seed{seed}" for seed in seeds])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note whose markers count."""
    item.config.stash[CURRENT] = item


@pytest.fixture
def harness_seed(request: pytest.FixtureRequest) -> int | None:
    """The seed of this test: its marker's, or the command line's; None leaves it to each scenario."""
    return None


@pytest.fixture
def terminal(request: pytest.FixtureRequest) -> str:
    """The SPEC of the terminal software that this test runs: its marker's, else --harness-terminal's, else the reference."""
    from harness.testing.choices import terminal_of

    return terminal_of(request.config, request.node) or "reference"


@pytest.fixture(scope="session")
def run_scenario(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Ran]:
    """``run_scenario(NAME or PATH or text, ...)`` runs it in a process of its own; the result has ``assert_passed()``."""
    from harness.testing.running import Runner

    return Runner(pytestconfig, tmp_path_factory).run_scenario


@pytest.fixture(scope="session")
def trading_day(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Ran]:
    """``trading_day(faults=[...], sales=20)`` runs one terminal through one short day; the result has ``assert_passed()``."""
    from harness.testing.running import Runner

    return Runner(pytestconfig, tmp_path_factory).trading_day
