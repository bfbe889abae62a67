"""``python -m harness.engine.search.versus``: guided search against random seeds, on mutants, in equal time.

Models: for each mutant both strategies try runs of one scenario, a run of one and a run of the other in turn, so that other load
on the machine meets both alike, each until one of its runs fails or its own time is over. Runs and seconds to the first failing
run are compared over mutants that at least one of them kills. The reference terminal does not fail in this scenario (``harness
soak``), so any failing run is a kill.
Does not model: who finds the cheaper scenario; that is ``harness hunt``'s.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import msgspec

from harness.core.errors import HarnessError
from harness.core.streams import Streams
from harness.core.words import several
from harness.engine.child import adjusted
from harness.engine.launch import launch
from harness.engine.request import RunRequest
from harness.engine.search.driver import Search, random_trials
from harness.engine.verdict import Verdict
from harness.scenario import find
from harness.scenario.load import load_file
from harness.terminals.assays import ASSAYS, Assay, is_shipped

STRATEGIES = ("random", "coverage")


class Race(msgspec.Struct, frozen=True):
    """One strategy on one mutant: runs and seconds to the first failing run, or until the time was over."""

    mutant: str
    strategy: str
    seed: int
    killed: bool
    runs: int
    seconds: float


class Rules(msgspec.Struct, frozen=True):
    """What all races share."""

    scenario: str
    terminals: int
    days: int
    budget_s: float
    runs_max: int = 1_000_000


_KIND = re.compile(r"type: (\w+)")
_BEYOND = re.compile(r"hotel|chip|scan|funds|release|trace_number|partial")
"""What no shop of a plain random-fault scenario has."""


def sample(count: int, seed: int, scenario: str) -> list[str]:
    """So many shipped mutants, drawn from those that need a fault, of kinds that the scenario has, and nothing that it lacks.

    What each needs is what its row in ``terminals.assays`` plants: whether either strategy ever finds it is not looked at.
    """
    known = {fault.fault.kind for fault in load_file(find.scenario_file(scenario)).faults}
    rows: dict[str, str] = {}
    for row in ASSAYS:
        if isinstance(row, Assay) and not is_shipped(row.scenario):
            rows.setdefault(row.mutant, row.scenario)
    names = [
        name for name, text in sorted(rows.items())
        if (kinds := set(_KIND.findall(text))) and kinds <= known and not _BEYOND.search(text)
    ]  # fmt: skip
    return sorted(Streams(seed).generator("versus").sample(names, min(count, len(names))))


class Racer:
    """One strategy on one mutant, a run at a time."""

    def __init__(self, mutant: str, strategy: str, seed: int, rules: Rules, directory: Path) -> None:
        path = find.scenario_file(rules.scenario).absolute()
        base = RunRequest(
            scenario=str(path),
            terminal=mutant,
            terminals=rules.terminals,
            days=rules.days,
            wall_limit_s=60.0,
            spin_s=5.0,
        )
        plan = adjusted(load_file(path), base)
        own = RunRequest(scenario="", terminal=mutant, wall_limit_s=60.0, spin_s=5.0)
        self.search = Search(plan, own, directory, seed, lag=1) if strategy == "coverage" else None
        self._trials: Iterator[RunRequest] = self.search or random_trials(plan, base, seed)
        self._names = mutant, strategy, seed
        self._rules = rules
        self.killed = False
        self.runs = 0
        self.seconds = 0.0

    @property
    def over(self) -> bool:
        """It has killed, or has had its time, or its runs."""
        return self.killed or self.seconds >= self._rules.budget_s or self.runs >= self._rules.runs_max

    def step(self) -> None:
        """One run, with all that goes with choosing it."""
        started_s = time.monotonic()
        request = next(self._trials)
        try:
            ended: Verdict | HarnessError = launch(request)
        except HarnessError as error:
            ended = error
        if self.search is not None:
            self.search.ended(request, ended)
        self.killed = isinstance(ended, Verdict) and ended.status == "fail"
        self.runs += 1
        self.seconds += time.monotonic() - started_s

    def race(self) -> Race:
        """What it came to."""
        return Race(*self._names, self.killed, self.runs, round(self.seconds, 2))


def races(
    mutants: Sequence[str], seeds: Sequence[int], rules: Rules, jobs: int, strategies: Sequence[str] = STRATEGIES
) -> Iterator[Race]:
    """Every mutant with the strategies under each seed."""

    def both(place: int, mutant: str, seed: int) -> list[Race]:
        order = strategies if place % 2 else strategies[::-1]
        with tempfile.TemporaryDirectory(prefix="harness-") as directory:
            racers = [Racer(mutant, strategy, seed, rules, Path(directory)) for strategy in order]
            while not all(racer.over for racer in racers):
                for racer in racers:
                    if not racer.over:
                        racer.step()
        return [racer.race() for racer in racers]

    wanted = [(place, mutant, seed) for seed in seeds for place, mutant in enumerate(mutants)]
    with ThreadPoolExecutor(jobs) as pool:
        for found in pool.map(lambda each: both(*each), wanted):
            yield from found


def table(found: Sequence[Race]) -> Iterator[str]:
    """The races as a page of text: sums first, then each mutant."""
    pairs: dict[tuple[str, int], dict[str, Race]] = {}
    for each in found:
        pairs.setdefault((each.mutant, each.seed), {})[each.strategy] = each
    whole = [pair for pair in pairs.values() if len(pair) == len(STRATEGIES)]
    killed = [pair for pair in whole if any(each.killed for each in pair.values())]
    yield f"{len(whole)} races, {len(killed)} with a kill by at least one strategy"
    yield f"{'':<12}{'killed':>8}{'runs: median':>14}{'worst':>8}{'seconds: median':>18}{'worst':>8}{'quicker in runs':>18}"
    for strategy in STRATEGIES:
        mine = [pair[strategy] for pair in killed]
        other = [pair[each] for pair in killed for each in STRATEGIES if each != strategy]
        if not mine:
            continue
        quicker = sum(
            one.killed and (not two.killed or one.runs < two.runs) for one, two in zip(mine, other, strict=True)
        )
        # What was not killed had at least so many runs and seconds: a lower bound, marked as such.
        mark = "+" if any(not each.killed for each in mine) else ""
        runs, seconds = [each.runs for each in mine], [each.seconds for each in mine]
        yield (
            f"{strategy:<12}{sum(each.killed for each in mine):>8}{median(runs):>14g}{f'{max(runs)}{mark}':>8}"
            f"{median(seconds):>18.1f}{f'{max(seconds):.1f}{mark}':>8}{quicker:>18}"
        )
    yield ""
    yield f"{'mutant':<28}{'seed':>5}{'random':>20}{'coverage':>20}"
    for (mutant, seed), pair in sorted(pairs.items()):
        told = [_told(pair[each]) if each in pair else "" for each in STRATEGIES]
        yield f"{mutant:<28}{seed:>5}{told[0]:>20}{told[1]:>20}"


def _told(one: Race) -> str:
    return f"{several(one.runs, 'run')}, {one.seconds:.1f} s" if one.killed else f"not in {several(one.runs, 'run')}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Race, print the table, and keep the numbers."""
    parser = argparse.ArgumentParser(prog="python -m harness.engine.search.versus", description=__doc__)
    parser.add_argument("mutants", nargs="*", help="default: a sample of those that faults of the scenario can show")
    parser.add_argument("--scenario", default="combined/random_faults")
    parser.add_argument("--terminals", type=int, default=2)
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--sample", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument(
        "--seeds", type=int, nargs="*", default=[1], help="each mutant is raced under every one of them"
    )
    parser.add_argument("--budget", type=float, default=20.0, help="seconds for each strategy")
    parser.add_argument("--runs", type=int, default=1_000_000, help="runs for each strategy at most")
    parser.add_argument("--strategy", nargs="*", default=STRATEGIES, choices=STRATEGIES)
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time, each with one worker")
    parser.add_argument("--out", type=Path, help="a JSON file")
    asked = parser.parse_args(arguments)
    rules = Rules(asked.scenario, asked.terminals, asked.days, asked.budget, asked.runs)
    found: list[Race] = []
    mutants = asked.mutants or sample(asked.sample, asked.seed, asked.scenario)
    for each in races(mutants, asked.seeds, rules, asked.jobs, asked.strategy):
        found.append(each)
        print(f"{each.mutant:<28}{each.seed:>5}  {each.strategy:<9} {_told(each)}", flush=True)
        if asked.out is not None:
            asked.out.write_text(json.dumps([msgspec.to_builtins(one) for one in found], indent=1))
    print("\n".join(("", *table(found))))


if __name__ == "__main__":
    main()
