"""The canary against a harness whose checking is broken on purpose: it must be missed, and the sweep must say so."""

from __future__ import annotations

import shutil
import site
import subprocess
import venv
from pathlib import Path

import pytest

from harness.terminals.small_scenarios import hour

ROOT = Path(__file__).parents[2]
JUDGED = "return tuple(self._judge(each, at_us, broken_off) for each in self.invariants)"
BLIND = "return tuple(self._judgement(each, 'pass', (), 0, ()) for each in self.invariants)"


@pytest.mark.soak
def test_where_nothing_is_found_any_more_the_canary_is_missed_and_the_sweep_proves_nothing(tmp_path: Path) -> None:
    for name in ("harness", "scenarios"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    judge = tmp_path / "harness" / "invariants" / "judge.py"
    whole = judge.read_text()
    assert JUDGED in whole
    judge.write_text(whole.replace(JUDGED, BLIND))
    # An interpreter of its own: runs are in processes that have nothing of this one's environment.
    venv.create(tmp_path / "python", with_pip=False)
    (packages,) = (tmp_path / "python" / "lib").glob("python*/site-packages")
    (packages / "broken.pth").write_text("\n".join((str(tmp_path), *site.getsitepackages())))
    (tmp_path / "s.yaml").write_text(hour())
    command = [str(tmp_path / "python" / "bin" / "python"), "-m", "harness.cli.main", "sweep", "s.yaml", "--runs", "1"]
    done = subprocess.run(
        [*command, "--out", "out"], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "because the canary was missed: 'log_in_ram' has a defect that invariant 1, 2 must find" in done.stdout
