"""The page of engines: what each loses on each medium, and what it makes of a full volume, in the harness and on a tmpfs.

``python -m harness.engine.field`` writes harness/docs/field_engines.md; with names of engines it prints their rows alone.
It takes some ten minutes for all, and root's right to mount a tmpfs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.engine.field.consistency import Outcome, Reader, judge, record
from harness.engine.field.engines import ENGINES, Engine
from harness.engine.field.fullness import KIB, Step, in_the_harness, on_a_tmpfs, small_tmpfs
from harness.storage.profiles import registry

PAGE = Path(__file__).parents[2] / "docs" / "field_engines.md"
PROFILES = ("ext4-ordered", "ext4-noauto_da_alloc", "f2fs", "posix-weak", "jffs2", "ubifs", "fat")
_LETTERS = {"unreadable": "u", "torn": "t", "lost": "l", "stuck": "s", "unborn": "b"}


@dataclass(frozen=True, slots=True)
class Row:
    """One engine's figures."""

    engine: Engine
    outcomes: tuple[Outcome, ...]
    here: tuple[Step, ...]
    there: tuple[Step, ...]


def measure(engine: Engine, profiles: Sequence[str] = PROFILES) -> Row:
    """Everything about one engine. OSError where this user may not mount a tmpfs."""
    run, reader = record(engine, (engine.records,)), Reader(engine)
    outcomes = tuple(judge(run, registry.get(name), reader, engine.states) for name in profiles)
    with small_tmpfs() as root:
        there = on_a_tmpfs(engine, root)
    return Row(engine, outcomes, in_the_harness(engine), there)


def cut_row(row: Row) -> str:
    """The table of cuts: violating of distinct states, with what kind of violation."""
    return _line(row.engine.name, *(_cell(outcome) for outcome in row.outcomes))


def _cell(outcome: Outcome) -> str:
    kinds = " ".join(f"{letter}{outcome.kinds[kind]}" for kind, letter in _LETTERS.items() if kind in outcome.kinds)
    return f"{outcome} ({kinds})" if kinds else str(outcome)


def full_row(row: Row) -> str:
    """The table of full volumes; what a tmpfs says is told apart only where it is not the same."""
    said = [_words(here) for here in row.here]
    real = [_words(there) for there in row.there]
    same = "the same" if row.here == row.there else "; ".join(a for a, b in zip(real, said, strict=True) if a != b)
    return _line(row.engine.name, *said, same or "the same but for free space")


def _words(step: Step) -> str:
    """One step's outcome for people, with the free space behind it."""
    free = f"{step.free_bytes >> 10} KiB free"
    if step.ended:
        return f"{step.ended}; {free}"
    parts = "; ".join(": ".join(_plain(each) for each in line[1:] if each) for line in step.lines if line[-1] != "ok")
    if step.action in ("clear", "again") and not parts:
        parts = "ok"
    return f"{parts}; {free}"


def _plain(words: str) -> str:
    return words.replace("|", "/") if len(words) < 90 else words[:60].replace("|", "/") + " ..."


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _table(head: Sequence[str], rows: Iterable[str]) -> list[str]:
    return [_line(*head), _line(*("-" for _ in head)), *rows]


_HEAD = """# Storage engines of the field

What unmodified storage engines make of a power cut and of a full volume. Written by

    python -m harness.engine.field

and checked by tests/engine/field: do not edit. `python -m harness.engine.field ENGINE ...` prints the rows of some engines alone.
The programs are in harness/engine/field/programs: a few lines around each engine's own calls, run under the supervisor in virtual
time. Nothing of an engine was changed.
"""

_CUTS = """## Power cuts

Each workload stores {records} records of 600 bytes (git: two), one a transaction, and says of each when the engine had
returned. Power is cut before every barrier and at the end, into every image that the medium may then hold; the same engine
opens each, reads all records, and stores one more. A cell is *violating states / distinct states*; `~` when an instant had
more images than are listed, so that these are the adversarial ones and a sample. Behind it, which violations:

- `u` unreadable: the engine will not open or read its store;
- `t` torn: a record has other content than was stored;
- `l` lost: a record that was acknowledged is missing;
- `s` stuck: all is there, but the next record cannot be stored (a lock file of git's that a person has to remove);
- `b` unborn: unreadable, and the store was still being made: nothing had been acknowledged, but it can never be opened since.

A violation is no defect where nothing was promised: `synchronous=OFF` (which sqlitedict sets), WAL with NORMAL (which diskcache
sets), LevelDB without `sync`, git with its default `core.fsync`, gdbm without its crash tolerance, and the engines that never
sync: Durus, pickleDB, dbm.dumb, persist-queue's file queue. To a shop the money is lost all the same. A workload takes less
than a second, so nothing is durable because the kernel wrote it back by itself.
"""

_FULL = """## A full volume

A volume of {kib} KiB is filled with records until one is refused; then, each in a program of its own, all are read, all are
removed, as a settlement does, and one more is stored. The same programs run on a tmpfs of that size; the last column says
where that differed. Where removing fails, a settlement cannot free the storage that is full. The `reserve` rows are its
repair: a file that is deleted first, so that the journal has room, and records removed a few at a time (a DELETE of
everything has a journal as large as the database).
"""


def _example(row: Row) -> str:
    return f"- **{row.engine.name}**: {row.outcomes[0].example}."


def page(rows: Sequence[Row]) -> str:
    """The whole page."""
    versions = ", ".join(dict.fromkeys(row.engine.version for row in rows))
    cuts = _table(("engine", *PROFILES), (cut_row(row) for row in rows))
    full = _table(
        ("engine", "filled", "read", "all removed", "one more", "on a tmpfs"), (full_row(row) for row in rows)
    )
    parts = [
        _HEAD,
        f"Versions: {versions}.\n",
        _CUTS.format(records="three"),
        "\n".join(cuts) + "\n",
        "One state of the worst kind on ext4-ordered, for each engine that has any:\n",
        "\n".join(f"- **{row.engine.name}**: {row.outcomes[0].example}." for row in rows if row.outcomes[0].example)
        + "\n",
        _FULL.format(kib=KIB),
        "\n".join(full) + "\n",
    ]
    return "\n".join(parts)


def measure_all(names: Sequence[str], told: Callable[[str], None]) -> list[Row]:
    """The rows of these engines, in the order of the table."""
    rows = []
    for name, engine in ENGINES.items():
        if not names or name in names:
            told(name)
            rows.append(measure(engine))
    return rows
