"""From the catalogue's table to the runs of each mutant, and from a run to the command that does it again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from harness.core.errors import UsageError
from harness.core.registry import nearest
from harness.engine.assay.child import plan_of
from harness.engine.assay.request import Task, Try
from harness.terminals.assays import UNSEEN_TRIALS, Assay, Trial, is_shipped, trials
from harness.terminals.catalogue import CATALOGUE
from harness.terminals.small_scenarios import hour
from harness.terminals.unseen import UNSEEN

DEFAULT_PROFILE = "ext4-ordered"


def mutant_names() -> list[str]:
    """All shipped mutants, in the catalogue's order."""
    return [name for name, each in CATALOGUE.items() if each.caught_by]


def tasks_of(
    names: Sequence[str],
    *,
    families: bool = False,
    black_box: bool = False,
    thorough: bool = False,
    unseen: bool = False,
) -> list[Task]:
    """One task a mutant: shipped ones by name, others as ``module:Class`` or ``file.py:Class``. No names are all mutants.

    ``unseen``: those that were imagined without sight of the checks, which have no rows of their own.
    """
    known = list(UNSEEN) if unseen else mutant_names()
    for name in names:
        if name not in known and ":" not in name:
            hint = "it is no mutant" if name in CATALOGUE else nearest(name, known)
            raise UsageError(f"no mutant named {name!r}; {hint} (harness list terminals), or give file.py:Class")
    ordered = sorted(dict.fromkeys(names), key=lambda each: known.index(each) if each in known else len(known))
    return [_task(name, families, black_box, thorough) for name in ordered or known]


def _task(name: str, families: bool, black_box: bool, thorough: bool) -> Task:
    shipped = CATALOGUE.get(name)
    # Without its own records some promised invariant may have nothing to judge: then any that finds it will do.
    promised = () if shipped is None or black_box else shipped.caught_by
    tried = UNSEEN_TRIALS if name in UNSEEN else trials(name)
    tries = tuple(one for trial in tried for one in _tries(trial))
    return Task(name, tries, promised, families, black_box, thorough)


def _tries(trial: Trial) -> list[Try]:
    wanted = trial.caught_by
    if not isinstance(trial, Assay):
        label = f"crash points of {trial.flow} on {', '.join(trial.profiles)}"
        return [Try(label, flow=trial.flow, profiles=trial.profiles, states=trial.states, wanted=wanted)]
    if is_shipped(trial.scenario):
        one = Try(trial.scenario, trial.scenario, wanted=wanted)
    else:
        text = hour(trial.scenario)
        one = Try(label_of(text), text=text, wanted=wanted)
    return [Try(one.label, one.scenario, one.text, seed, wanted=wanted) for seed in range(1, trial.seeds + 1)]


def label_of(text: str) -> str:
    """A small scenario in a few words: its faults, and its medium where that is not the usual one."""
    plan = plan_of(Try("small scenario", text=text))
    faults = ", ".join(fault.name for fault in plan.faults) or "no fault"
    medium = "" if plan.profile == DEFAULT_PROFILE else f" on {plan.profile}"
    days = "" if plan.days.count == 1 else f", {plan.days.count} days"
    return f"{faults}{medium}{days}"


def again(task: Task, one: Try, kept_in: Path | None) -> str:
    """The command that does the run again; none for a small scenario whose text was not kept (``--out``)."""
    terminal = shlex.quote(UNSEEN[task.terminal].spec if task.terminal in UNSEEN else task.terminal)
    if one.flow:
        profiles = ",".join(one.profiles)
        return f"harness crashpoints --flow {one.flow} --terminal {terminal} --profile {profiles} --states {one.states}"
    if one.scenario:
        return f"harness run {one.scenario} --terminal {terminal} --seed {one.seed}"
    if kept_in is None:
        return ""
    return f"harness run {shlex.quote(str(kept_in))} --terminal {terminal} --seed {one.seed}"
