"""Children find the harness compiled: what is missing or older than its source is compiled, and nothing stops over it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.sut import bytecode
from harness.sut.limits import run_limited

ROOT = Path(__file__).parents[2]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    root = tmp_path / "package"
    (root / "inner").mkdir(parents=True)
    (root / "one.py").write_text("ONE = 1\n")
    (root / "inner" / "two.py").write_text("TWO = 2\n")
    (root / "data.txt").write_text("no module\n")
    return root


def compiled(root: Path) -> list[str]:
    return sorted(each.name.partition(".")[0] for each in root.rglob("*.pyc"))


def test_each_module_is_compiled_once(package: Path) -> None:
    assert bytecode.compile_missing(package) == 2
    assert compiled(package) == ["one", "two"]
    assert bytecode.compile_missing(package) == 0


@pytest.mark.parametrize("harm", ["newer source", "longer source", "cut short", "of another Python"])
def test_what_python_would_not_take_is_compiled_again(package: Path, harm: str) -> None:
    bytecode.compile_missing(package)
    source, (kept,) = package / "one.py", (package / "__pycache__").glob("one*.pyc")
    was = source.stat()
    if harm == "newer source":
        os.utime(source, (was.st_atime, was.st_mtime + 5))
    elif harm == "longer source":
        source.write_text("ONE = 1  # and more\n")
        os.utime(source, (was.st_atime, was.st_mtime))
    elif harm == "cut short":
        kept.write_bytes(kept.read_bytes()[:9])
    else:
        kept.write_bytes(b"\0\0\r\n" + kept.read_bytes()[4:])
    assert bytecode.compile_missing(package) == 1
    assert bytecode.compile_missing(package) == 0


def test_python_takes_what_was_written(package: Path) -> None:
    bytecode.compile_missing(package)
    done = subprocess.run(
        [sys.executable, "-B", "-v", "-c", "import one"],
        cwd=package, env={}, capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    assert "one.cpython" in done.stderr and "matches" in done.stderr


def test_a_module_that_does_not_compile_keeps_no_other_from_it(package: Path) -> None:
    (package / "broken.py").write_text("def (:\n")
    assert bytecode.compile_missing(package) == 2


def test_where_nothing_can_be_written_nothing_is(package: Path) -> None:
    (package / "__pycache__").write_text("in the way\n")
    (package / "inner" / "__pycache__").write_text("in the way\n")
    assert bytecode.compile_missing(package) == 0


def test_whoever_starts_a_child_compiles_first(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bytecode, "PACKAGE", package)
    monkeypatch.setattr(bytecode, "_looked", False)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    ended = run_limited("tests.engine.hashing:execute", None, search_path=[str(ROOT)])
    assert ended.reason == "finished", ended.detail
    assert compiled(package) == ["one", "two"]


def test_whoever_wants_no_bytecode_gets_none(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bytecode, "PACKAGE", package)
    monkeypatch.setattr(bytecode, "_looked", False)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    bytecode.ensure()
    assert compiled(package) == []
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    bytecode.ensure()
    assert compiled(package) == ["one", "two"]
