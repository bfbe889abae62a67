"""Many programs on every file system that this kernel has, in worker processes; and the table of what came of it."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from harness.core.errors import HarnessError
from harness.storage.kernels.file_systems import FILE_SYSTEMS, FileSystem, missing, refused
from harness.storage.kernels.findings import Request, Tally

CUTS_A_PROGRAM = 12


def check_all(copies: int, first_seed: int, jobs: int, told: Callable[[Tally], None]) -> list[Tally]:
    """Every file system, at least ``copies`` each, ``jobs`` of them at a time; ``told`` hears of each program checked."""
    why = refused()
    with ThreadPoolExecutor(jobs) as pool:
        waiting = [pool.submit(check_one, each, copies, first_seed, told, why) for each in FILE_SYSTEMS]
        return [each.result() for each in waiting]


def check_one(
    file_system: FileSystem,
    copies: int,
    first_seed: int,
    told: Callable[[Tally], None],
    refusal: str | None = None,
    *,
    count_needed: bool = True,
) -> Tally:
    """One file system, or the reason why not; a check that breaks off is no reason to lose it, or the other file systems."""
    total = Tally(file_system.name, file_system.profile_name)
    total.skipped = refusal or missing(file_system) or ""
    if not total.skipped:
        seeds = -(-copies // CUTS_A_PROGRAM)
        request = Request(file_system.name, first_seed, seeds, CUTS_A_PROGRAM, count_needed=count_needed)
        try:
            for tally in run_worker(request):
                total.add(tally)
                told(total)
        except HarnessError as error:
            total.broke_off = str(error)
    return total


def run_worker(request: Request) -> Iterator[Tally]:
    """A worker's tallies as they come; it is ended when nobody wants them any more."""
    command = [sys.executable, "-m", "harness.storage.kernels.worker", msgspec.json.encode(request).decode()]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert worker.stdout is not None and worker.stderr is not None
    try:
        for line in worker.stdout:
            yield msgspec.json.decode(line, type=Tally)
        errors = worker.stderr.read().decode(errors="replace")
        if worker.wait() != 0:
            raise HarnessError(f"the kernel check of {request.file_system} broke off:\n{errors[-3000:]}")
    finally:
        worker.kill()
        worker.wait()
        worker.stdout.close()
        worker.stderr.close()


def table(tallies: Sequence[Tally]) -> list[str]:
    """One line a file system; then what each profile allows that was never seen."""
    lines = [
        f"{'file system':<22} {'profile':<22} {'copies':>7} {'states':>7} {'not allowed':>12} {'undecided':>10} {'damaged':>8}"
    ]
    for each in tallies:
        head = f"{each.file_system:<22} {each.profile:<22} "
        if each.skipped:
            lines.append(f"{head}skipped: {each.skipped}")
            continue
        lines.append(
            f"{head}{each.copies:>7,} {len(each.states):>7,} {each.not_allowed:>12,} {each.undecided:>10,} {each.damaged:>8,}"
        )
    lines += [line for each in tallies if each.broke_off for line in each.broke_off.splitlines()]
    for each in tallies:
        lines += [f"  {each.file_system}: allowed, never seen: {rule}" for rule in each.never_seen]
    return lines
