"""``python -m harness.engine.shrink``: the table of all mutants; see ``mutants``."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.engine.shrink.mutants import line_of, run_mutants, shrink_mutant, table
from harness.engine.shrink.shrink import BUDGET_S

parser = argparse.ArgumentParser(prog="python -m harness.engine.shrink")
parser.add_argument("mutants", nargs="*")
parser.add_argument("--budget", type=float, default=BUDGET_S, help="seconds for each")
parser.add_argument("--out", type=Path, default=Path("reports/shrunk"))
asked = parser.parse_args()
cases = []
for name in asked.mutants or run_mutants():
    cases.append(shrink_mutant(name, asked.out / f"{name}.yaml", asked.budget))
    print(line_of(cases[-1]), flush=True)
print(table(cases).rsplit("\n", 1)[-1])
