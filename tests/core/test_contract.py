"""The contract is one import, complete, and needs nothing but the standard library."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import harness.contract

DIRECTORY = Path(harness.contract.__path__[0])


def own_names(part: Path) -> set[str]:
    """The public classes, functions and aliases that a part defines."""
    names: set[str] = set()
    for statement in ast.parse(part.read_text()).body:
        if isinstance(statement, ast.ClassDef | ast.FunctionDef):
            names.add(statement.name)
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            names.add(statement.target.id)
    return {name for name in names if not name.startswith("_")}


def test_everything_of_every_part_is_imported_from_the_package() -> None:
    # ``stdio`` is a program, not a part.
    parts = [each for each in DIRECTORY.glob("*.py") if each.name not in ("__init__.py", "stdio.py")]
    defined = set().union(*map(own_names, parts))
    assert len(defined) >= 40
    assert harness.contract.__all__ == sorted(defined)
    assert all(hasattr(harness.contract, name) for name in defined)


def test_it_depends_on_nothing_but_the_standard_library() -> None:
    code = (
        "import sys, harness.contract\n"
        "tops = {name.partition('.')[0] for name in sys.modules}\n"
        "print(*sorted(tops - set(sys.stdlib_module_names) - {'__main__', '__mp_main__'}))\n"
        "print(*sorted(name for name in sys.modules if name.startswith('harness.')))"
    )
    # Without site: what an installation preloads is not the contract's doing.
    run = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, timeout=30, check=True,
        env={"PYTHONPATH": str(DIRECTORY.parents[1])},
    )  # fmt: skip
    tops, parts = run.stdout.splitlines()
    assert tops == "harness"
    assert all(name.startswith("harness.contract") for name in parts.split())
