"""Results of sweeps in one SQLite file: a row for each run as it finishes, each run once.

Models: a writer that may be killed at any instant (WAL, one transaction a run: a run is there whole or not at all), readers at
the same time, one writer at a time (a lock file that the kernel lets go when its holder dies), a disk that is full.
Does not model: writers on several machines; files of several sweeps are merged by whoever needs that.

Every failure is one message: UsageError for what the user can mend, HarnessError where the machine failed.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import msgspec

from harness.core.errors import UsageError
from harness.results import packed
from harness.results.model import (
    VERDICTS,
    BiteRow,
    CanaryRow,
    Declared,
    FindingRow,
    FindingSum,
    JudgedRow,
    RunRow,
    RunVerdict,
)
from harness.results.opening import APPLICATION, FORMAT, connected, locked, look_over, told, unborn

FILE_NAME = "results.sqlite"
_JUDGED = (
    "CREATE TABLE IF NOT EXISTS judged "
    "(name TEXT PRIMARY KEY, invariant INTEGER NOT NULL, checked INTEGER NOT NULL, reason TEXT NOT NULL)"
)
"""Files of this format from before it was kept have no such table, and readers from then do not look for it."""
_SCHEMA = """
CREATE TABLE sweep (declared TEXT NOT NULL);
CREATE TABLE names (id INTEGER PRIMARY KEY, names TEXT NOT NULL UNIQUE);
CREATE TABLE runs (
    -- A seed has up to 127 bits, an INTEGER of SQLite 63. Of measures and bites there are dozens in each of a hundred thousand
    -- runs, and their names are the same in all: numbers side by side, the names once.
    id INTEGER PRIMARY KEY, scenario TEXT NOT NULL, seed TEXT NOT NULL, off TEXT NOT NULL, verdict TEXT NOT NULL,
    because TEXT NOT NULL, replay TEXT NOT NULL, history_sha256 TEXT NOT NULL,
    measured INTEGER NOT NULL REFERENCES names, measures BLOB NOT NULL,
    planned INTEGER NOT NULL REFERENCES names, bites BLOB NOT NULL, UNIQUE (scenario, seed)
);
CREATE TABLE findings (
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, signature TEXT NOT NULL, invariant INTEGER NOT NULL,
    name TEXT NOT NULL, kind TEXT NOT NULL, count INTEGER NOT NULL, money_fen INTEGER NOT NULL, device TEXT NOT NULL,
    at_us INTEGER NOT NULL, summary TEXT NOT NULL, fault TEXT NOT NULL, place TEXT NOT NULL
);
CREATE TABLE canaries (canary TEXT NOT NULL);
CREATE INDEX runs_verdict ON runs (verdict, scenario);
CREATE INDEX findings_run ON findings (run);
CREATE INDEX findings_signature ON findings (signature, run);
"""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which runs: those that ended so, with a finding whose signature begins so. ``bare``: without measures and bites."""

    verdicts: tuple[RunVerdict, ...] = VERDICTS
    signature: str | None = None
    bare: bool = False

    def condition(self) -> tuple[str, tuple[str, ...]]:
        """In SQL, and its values."""
        where: str = "1"
        values: tuple[str, ...] = ()
        if self.verdicts != VERDICTS:
            where, values = f"verdict IN ({', '.join('?' * len(self.verdicts))})", self.verdicts
        if self.signature is None:
            return where, values
        # A range, which the index finds; LIKE would take its letters for more than they are.
        like = "id IN (SELECT run FROM findings WHERE signature >= ? AND signature < ?)"
        return f"{where} AND {like}", (*values, self.signature, f"{self.signature}\U0010ffff")


EVERY = Chosen()


class Store:
    """One results file. Made by ``create``, ``resume`` or ``read``; use it in a ``with`` block."""

    def __init__(self, path: Path, database: sqlite3.Connection, lock: int | None) -> None:
        self.path = path
        self._database = database
        self._lock = lock
        self._names: dict[str, int] = {}
        """Numbers of lists of names, as they are in the file."""

    # ------------------------------------------------------------ opening

    @classmethod
    def create(cls, directory: Path, declared: Declared) -> Store:
        """A new file in ``directory``. UsageError when there is one, or when another sweep is at work there."""
        path = directory / FILE_NAME
        lock = locked(directory)
        try:
            with told(path, "free some space and begin again"):
                if path.exists() and not unborn(path):
                    raise UsageError(f"{path} holds a sweep already; go on with it (--resume) or give another --out")
                database = connected(path)
                database.execute(f"PRAGMA application_id = {APPLICATION}")
                database.execute("PRAGMA journal_mode = WAL")
                database.execute("BEGIN IMMEDIATE")
                for statement in _SCHEMA.split(";"):
                    database.execute(statement)
                database.execute("INSERT INTO sweep VALUES (?)", (msgspec.json.encode(declared).decode(),))
                database.execute(f"PRAGMA user_version = {FORMAT}")
                database.execute("COMMIT")
        except BaseException:
            os.close(lock)
            raise
        return cls(path, database, lock)

    @classmethod
    def resume(cls, directory: Path) -> Store:
        """The file in ``directory``, to go on writing. UsageError when it is missing, damaged, not ours, or in use."""
        path = directory / FILE_NAME
        if not path.is_file():
            raise UsageError(
                f"no sweep to resume in {directory}: there is no {FILE_NAME}; leave out --resume to begin one"
            )
        lock = locked(directory)
        try:
            with told(path):
                database = connected(path)
                look_over(path, database)
                database.execute("PRAGMA journal_mode = WAL")
        except BaseException:
            os.close(lock)
            raise
        return cls(path, database, lock)

    @classmethod
    def read(cls, path: Path) -> Store:
        """A file, or the one in a directory, to look into, also while a sweep writes to it."""
        path = path / FILE_NAME if path.is_dir() else path
        if not path.is_file():
            raise UsageError(f"there is no file {path}; expected the {FILE_NAME} that `harness sweep --out DIR` writes")
        with told(path):
            try:
                database = connected(path, "mode=rw")
                look_over(path, database)
            except sqlite3.OperationalError as error:
                if "readonly" not in str(error) and "unable to open" not in str(error):
                    raise
                # A file in a place where nothing may be written, not even the index that readers of a log share.
                database = connected(path, "immutable=1")
                look_over(path, database)
        return cls(path, database, None)

    def close(self) -> None:
        """Everything into the one file, and the lock let go. What cannot be tidied stays valid as it is."""
        with contextlib.suppress(sqlite3.Error):
            if self._lock is not None:
                self._database.execute("PRAGMA journal_mode = DELETE")
        self._database.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def discard(self) -> None:
        """Close, and leave nothing behind: of a sweep that could not begin."""
        self.close()
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ------------------------------------------------------------ writing

    def declare(self, declared: Declared) -> None:
        """Write down what is to be run from now on."""
        with told(self.path), self._transaction():
            self._database.execute("UPDATE sweep SET declared = ?", (msgspec.json.encode(declared).decode(),))

    def add(self, run: RunRow) -> None:
        """One finished run, durable when this returns. An error is replaced by what the next try gives; nothing else is."""
        with told(self.path), self._transaction():
            self._add(run)

    def add_all(self, runs: Iterable[RunRow], canaries: Iterable[CanaryRow], judged: Iterable[JudgedRow] = ()) -> None:
        """Runs of other files: all of them, or none."""
        with told(self.path, "free some space and begin again"), self._transaction():
            self._judge(judged)
            for run in runs:
                self._add(run)
            for canary in canaries:
                self._add_canary(canary)

    def _add(self, run: RunRow) -> None:
        self._database.execute(
            "DELETE FROM runs WHERE scenario = ? AND seed = ? AND verdict = 'error'", (run.scenario, str(run.seed))
        )
        measured = self._number_of([each.name for each in run.measures])
        planned = self._number_of([(each.fault, each.kind, each.family) for each in run.bites])
        cursor = self._database.execute(
            "INSERT INTO runs "
            "(scenario, seed, off, verdict, because, replay, history_sha256, measured, measures, planned, bites) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                run.scenario, str(run.seed), _joined(run.off), run.verdict, _joined(run.because), run.replay,
                run.history_sha256, measured, packed.doubles(each.value for each in run.measures),
                planned, packed.integers(number for each in run.bites for number in (each.struck, each.bit)),
            ),
        )  # fmt: skip
        number = cursor.lastrowid
        self._database.executemany(
            "INSERT INTO findings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    number, each.signature, each.invariant, each.name, each.kind, each.count, each.money_fen, each.device,
                    each.at_us, each.summary, each.fault, each.place,
                )
                for each in run.findings
            ],
        )  # fmt: skip

    def _number_of(self, names: Sequence[object]) -> int:
        text = msgspec.json.encode(names).decode()
        if text not in self._names:
            self._database.execute("INSERT OR IGNORE INTO names (names) VALUES (?)", (text,))
            (self._names[text],) = self._database.execute("SELECT id FROM names WHERE names = ?", (text,)).fetchone()
        return self._names[text]

    def judge(self, rows: Iterable[JudgedRow]) -> None:
        """What runs could judge and what not. What one of them could has been judged, whatever the others could."""
        with told(self.path), self._transaction():
            self._judge(rows)

    def _judge(self, rows: Iterable[JudgedRow]) -> None:
        self._database.execute(_JUDGED)
        self._database.executemany(
            "INSERT INTO judged VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET checked = max(checked, excluded.checked)",
            [(each.name, each.invariant, int(each.checked), each.reason) for each in rows],
        )

    def add_canary(self, canary: CanaryRow) -> None:
        """One more canary that has come to its end."""
        with told(self.path), self._transaction():
            self._add_canary(canary)

    def _add_canary(self, canary: CanaryRow) -> None:
        self._database.execute("INSERT INTO canaries VALUES (?)", (msgspec.json.encode(canary).decode(),))

    # ------------------------------------------------------------ reading

    def declared(self) -> Declared:
        """What was to be run."""
        with told(self.path):
            rows = self._database.execute("SELECT declared FROM sweep").fetchall()
            if len(rows) != 1:
                raise sqlite3.DatabaseError(f"{len(rows)} declarations where there should be one")
            return msgspec.json.decode(rows[0][0], type=Declared)

    def canaries(self) -> tuple[CanaryRow, ...]:
        """Every canary, in order of their ends."""
        with told(self.path):
            rows = self._database.execute("SELECT canary FROM canaries ORDER BY rowid").fetchall()
            return tuple(msgspec.json.decode(text, type=CanaryRow) for (text,) in rows)

    def judged(self) -> tuple[JudgedRow, ...]:
        """Every invariant that any run has said something about, by number; nothing where that is not known."""
        with told(self.path):
            if not self._database.execute("SELECT 1 FROM sqlite_master WHERE name = 'judged'").fetchone():
                return ()
            rows = self._database.execute(
                "SELECT invariant, name, checked, reason FROM judged ORDER BY invariant, name"
            )
            return tuple(JudgedRow(number, name, bool(checked), reason) for number, name, checked, reason in rows)

    def finished(self) -> set[tuple[str, int]]:
        """Scenario and seed of every run that came to a verdict; errors are to be tried again."""
        with told(self.path):
            rows = self._database.execute("SELECT scenario, seed FROM runs WHERE verdict != 'error'")
            return {(scenario, int(seed)) for scenario, seed in rows}

    def runs(self, chosen: Chosen = EVERY) -> Iterator[RunRow]:
        """Runs in order of scenario and seed, as they stand at this moment."""
        where, values = chosen.condition()
        with told(self.path), self.at_one_moment():
            names = dict(self._database.execute("SELECT id, names FROM names"))
            findings: dict[int, list[FindingRow]] = {}
            rows = self._database.execute(
                f"SELECT * FROM findings WHERE run IN (SELECT id FROM runs WHERE {where}) ORDER BY rowid", values
            )
            for number, *columns in rows:
                findings.setdefault(number, []).append(FindingRow(*columns))
            columns = "" if chosen.bare else ", measured, measures, planned, bites"
            found = self._database.execute(
                f"SELECT id, scenario, seed, off, verdict, because, replay, history_sha256{columns} FROM runs WHERE {where}",
                values,
            ).fetchall()
            # What is damaged is told here, and not in the middle of what the caller makes of it.
            parted = {text: _parted(text) for text in {text for row in found for text in (row[3], row[5])}}
            found.sort(key=lambda row: (row[1], int(row[2])))
        for number, scenario, seed, off, verdict, because, replay, digest, *rest in found:
            measures, bites = packed.unpacked(names, *rest) if rest else ((), ())
            yield RunRow(
                scenario, int(seed), parted[off], verdict, parted[because], replay, digest, measures,
                tuple(findings.get(number, ())), bites,
            )  # fmt: skip

    # ------------------------------------------------------------ sums, of runs that need not be looked at one by one

    def passes(self) -> dict[str, int]:
        """How many runs passed, by scenario."""
        with told(self.path):
            query = "SELECT scenario, count(*) FROM runs WHERE verdict = 'pass' GROUP BY scenario"
            return dict(self._database.execute(query))

    def bite_sums(self) -> list[tuple[str, BiteRow, int]]:
        """By scenario and planned fault: the sum over its runs, and how many those are."""
        with told(self.path):
            names = dict(self._database.execute("SELECT id, names FROM names"))
            return packed.bite_sums(names, self._database.execute("SELECT scenario, planned, bites FROM runs"))

    def finding_sums(self) -> list[FindingSum]:
        """By kind of fault and invariant: how many findings in how many runs, and what was at stake."""
        with told(self.path):
            query = (
                "SELECT fault, invariant, min(name), sum(count), count(DISTINCT run), sum(money_fen) FROM findings "
                "GROUP BY fault, invariant ORDER BY fault, invariant"
            )
            return [FindingSum(*row) for row in self._database.execute(query)]

    def first_runs(self) -> dict[str, tuple[str, int]]:
        """By signature: the scenario and seed of the first run that showed it."""
        with told(self.path):
            query = "SELECT DISTINCT signature, scenario, seed FROM findings JOIN runs ON runs.id = run"
            first: dict[str, tuple[str, int]] = {}
            for signature, scenario, seed in self._database.execute(query):
                key = scenario, int(seed)
                if signature not in first or key < first[signature]:
                    first[signature] = key
            return first

    def measured(self, verdicts: Sequence[RunVerdict] = VERDICTS, only: str | None = None) -> dict[str, array[float]]:
        """Every value of each measure, or of one, over all runs that ended so."""
        with told(self.path):
            names = dict(self._database.execute("SELECT id, names FROM names"))
            marks = ", ".join("?" * len(verdicts))
            query = f"SELECT measured, measures FROM runs WHERE verdict IN ({marks}) ORDER BY id"
            return packed.columns(names, self._database.execute(query, tuple(verdicts)), only)

    @contextlib.contextmanager
    def at_one_moment(self) -> Iterator[None]:
        """Everything that is read within is of one instant, also while a sweep writes."""
        if self._database.in_transaction:
            yield
            return
        with self._transaction("DEFERRED"):
            yield

    @contextlib.contextmanager
    def _transaction(self, kind: str = "IMMEDIATE") -> Iterator[None]:
        self._database.execute(f"BEGIN {kind}")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            self._names.clear()  # what was to be in the file is not
            with contextlib.suppress(sqlite3.Error):
                self._database.execute("ROLLBACK")
            raise


def _joined(texts: tuple[str, ...]) -> str:
    return msgspec.json.encode(texts).decode()


def _parted(text: str) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...])
