"""What a run of pytest asks of the harness: its options, its configuration and a test's markers, in one place."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, cast, get_args

import pytest

from harness.core.errors import HarnessError
from harness.testing.keys import CHOSEN

Inconclusive: TypeAlias = Literal["fail", "xfail", "skip"]

WALL_LIMIT_S = 600.0


@dataclass(frozen=True, slots=True)
class Choices:
    """The options, with paths absolute. None leaves a value to the scenario."""

    terminal: str | None
    dialect: str | None
    profile: str | None
    device: str | None
    wall_limit_s: float
    out: Path | None
    inconclusive: Inconclusive


def choices_of(config: pytest.Config) -> Choices:
    """The choices that hold for all runs of this session. ``pytest.UsageError`` for a value that makes no sense."""
    wall_limit_s = config.getoption("harness_wall_limit")
    if wall_limit_s is not None and not 0.0 < wall_limit_s < 1e6:
        raise pytest.UsageError(f"--harness-wall-limit: expected seconds above 0, found {wall_limit_s:g}")
    out = config.getoption("harness_out")
    inconclusive = config.getoption("harness_inconclusive") or config.getini("harness_inconclusive") or "fail"
    if inconclusive not in get_args(Inconclusive):
        raise pytest.UsageError(f"harness_inconclusive: expected fail, xfail or skip, found {inconclusive!r}")
    dialect, ini_dialect = config.getoption("harness_dialect"), config.getini("harness_dialect")
    return Choices(
        terminal_asked(config),
        _absolute_dialect(dialect, config.invocation_params.dir) or _absolute_dialect(ini_dialect, _home(config)),
        config.getoption("harness_profile"),
        config.getoption("harness_device"),
        WALL_LIMIT_S if wall_limit_s is None else wall_limit_s,
        None if out is None else config.invocation_params.dir / out,
        cast(Inconclusive, inconclusive),
    )


def seeds_asked(config: pytest.Config) -> tuple[int, ...]:
    """The seeds of the command line, each once; none leaves the seed to each scenario."""
    count: int | None = config.getoption("harness_seeds")
    if count is not None and not 1 <= count <= 1_000_000:
        raise pytest.UsageError(f"--harness-seeds: expected how many seeds, from 1 up, found {count}")
    return tuple(dict.fromkeys([*range(1, (count or 0) + 1), *config.getoption("harness_seed")]))


def terminal_asked(config: pytest.Config) -> str | None:
    """The terminal of the command line, or of the project's configuration; None leaves it to each scenario."""
    asked = config.getoption("harness_terminal")
    if asked is not None:
        return absolute_spec(asked, config.invocation_params.dir)
    kept = config.getini("harness_terminal")
    return absolute_spec(kept, _home(config)) if kept else None


def terminal_of(config: pytest.Config, item: pytest.Item) -> str | None:
    """The terminal that ``item`` runs: its nearest marker's, which names files beside the test, or what is asked for all."""
    marker = item.get_closest_marker("harness_terminal")
    if marker is None:
        return terminal_asked(config)
    if len(marker.args) != 1 or not isinstance(marker.args[0], str):
        raise pytest.UsageError(f'{item.nodeid}: expected harness_terminal("SPEC"), found {marker.args}')
    return absolute_spec(marker.args[0], item.path.parent, config.invocation_params.dir)


def absolute_spec(spec: str, *bases: Path) -> str:
    """A file named in ``spec`` as an absolute path, below the first of ``bases`` where it is; other SPECs as they are."""
    if not spec.strip():
        raise pytest.UsageError(
            "the terminal is empty; expected a name, package.module:Class, file.py:Class or exec:CMD"
        )
    file, colon, name = spec.rpartition(":")
    if not file.endswith(".py"):
        if not spec.endswith(".py"):
            return spec
        file, colon, name = spec, "", ""
    found = next((base / file for base in bases if (base / file).is_file()), bases[0] / file)
    return f"{os.path.abspath(found)}{colon}{name}"


def settle(config: pytest.Config) -> None:
    """Before anything is collected: wrong options are told, and what ``--harness-scenarios`` names is collected as if the command
    line had named its files.
    """
    choices_of(config)
    seeds_asked(config)
    names: list[str] = config.getoption("harness_scenarios")
    if not names:
        return
    from harness.scenario.find import selected

    try:
        chosen = selected(tuple(names))
    except HarnessError as error:
        raise pytest.UsageError(f"--harness-scenarios: {error}") from None
    config.stash[CHOSEN] = frozenset(chosen)
    known = set(config.args)
    config.args.extend(str(path) for path in chosen if str(path) not in known)


def _home(config: pytest.Config) -> Path:
    return config.rootpath if config.inipath is None else config.inipath.parent


def _absolute_dialect(spec: str | None, base: Path) -> str | None:
    if not spec:
        return None
    file, colon, name = spec.rpartition(":")
    if file.endswith(".py"):
        return f"{os.path.abspath(base / file)}{colon}{name}"
    return os.path.abspath(base / spec) if Path(spec).suffix in (".yaml", ".yml", ".json") else spec
