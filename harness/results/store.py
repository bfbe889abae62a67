"""Results of sweeps in one SQLite file: a row for each run as it finishes, each run once.

Models: a writer that may be killed at any instant (WAL, one transaction a run: a run is there whole or not at all), readers at
the same time, one writer at a time (a lock file that the kernel lets go when its holder dies), a disk that is full.
Does not model: writers on several machines; files of several sweeps are merged by whoever needs that.

Every failure is one message: UsageError for what the user can mend, HarnessError where the machine failed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import msgspec

from harness.core.errors import HarnessError, UsageError
from harness.results.model import BiteRow, CanaryRow, Declared, FindingRow, Measure, RunRow

Row = TypeVar("Row")
FILE_NAME = "results.sqlite"
FORMAT = 2
_APPLICATION = 0x54464831  # "TFH1": whose file it is, for file(1) and for us
_WAIT_S = 10.0
_SCHEMA = """
CREATE TABLE sweep (declared TEXT NOT NULL);
CREATE TABLE runs (
    -- A seed has up to 127 bits, an INTEGER of SQLite 63.
    id INTEGER PRIMARY KEY, scenario TEXT NOT NULL, seed TEXT NOT NULL, off TEXT NOT NULL, verdict TEXT NOT NULL,
    because TEXT NOT NULL, replay TEXT NOT NULL, history_sha256 TEXT NOT NULL, UNIQUE (scenario, seed)
);
CREATE TABLE measures (run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, name TEXT NOT NULL, value REAL NOT NULL);
CREATE TABLE findings (
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, signature TEXT NOT NULL, invariant INTEGER NOT NULL,
    name TEXT NOT NULL, kind TEXT NOT NULL, count INTEGER NOT NULL, money_fen INTEGER NOT NULL, device TEXT NOT NULL,
    at_us INTEGER NOT NULL, summary TEXT NOT NULL, fault TEXT NOT NULL, place TEXT NOT NULL
);
CREATE TABLE bites (
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, fault TEXT NOT NULL, kind TEXT NOT NULL, family TEXT NOT NULL,
    struck INTEGER NOT NULL, bit INTEGER NOT NULL
);
CREATE TABLE canaries (canary TEXT NOT NULL);
CREATE INDEX measures_run ON measures (run);
CREATE INDEX findings_run ON findings (run);
CREATE INDEX bites_run ON bites (run);
"""


class Store:
    """One results file. Made by ``create``, ``resume`` or ``read``; use it in a ``with`` block."""

    def __init__(self, path: Path, database: sqlite3.Connection, lock: int | None) -> None:
        self.path = path
        self._database = database
        self._lock = lock

    # ------------------------------------------------------------ opening

    @classmethod
    def create(cls, directory: Path, declared: Declared) -> Store:
        """A new file in ``directory``. UsageError when there is one, or when another sweep is at work there."""
        path = directory / FILE_NAME
        lock = _locked(directory)
        try:
            with _told(path, "free some space and begin again"):
                if path.exists() and not _unborn(path):
                    raise UsageError(f"{path} holds a sweep already; go on with it (--resume) or give another --out")
                database = _connected(path)
                database.execute(f"PRAGMA application_id = {_APPLICATION}")
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
        lock = _locked(directory)
        try:
            with _told(path):
                database = _connected(path)
                _look_over(path, database)
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
        with _told(path):
            try:
                database = _connected(path, "mode=rw")
                _look_over(path, database)
            except sqlite3.OperationalError as error:
                if "readonly" not in str(error) and "unable to open" not in str(error):
                    raise
                # A file in a place where nothing may be written, not even the index that readers of a log share.
                database = _connected(path, "immutable=1")
                _look_over(path, database)
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
        with _told(self.path), self._transaction():
            self._database.execute("UPDATE sweep SET declared = ?", (msgspec.json.encode(declared).decode(),))

    def add(self, run: RunRow) -> None:
        """One finished run, durable when this returns. An error is replaced by what the next try gives; nothing else is."""
        with _told(self.path), self._transaction():
            self._add(run)

    def add_all(self, runs: Iterable[RunRow], canaries: Iterable[CanaryRow]) -> None:
        """Runs of other files: all of them, or none."""
        with _told(self.path, "free some space and begin again"), self._transaction():
            for run in runs:
                self._add(run)
            for canary in canaries:
                self._add_canary(canary)

    def _add(self, run: RunRow) -> None:
        self._database.execute(
            "DELETE FROM runs WHERE scenario = ? AND seed = ? AND verdict = 'error'", (run.scenario, str(run.seed))
        )
        cursor = self._database.execute(
            "INSERT INTO runs (scenario, seed, off, verdict, because, replay, history_sha256) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                run.scenario, str(run.seed), _joined(run.off), run.verdict, _joined(run.because), run.replay,
                run.history_sha256,
            ),
        )  # fmt: skip
        number = cursor.lastrowid
        self._database.executemany(
            "INSERT INTO measures VALUES (?, ?, ?)", [(number, each.name, each.value) for each in run.measures]
        )
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
        self._database.executemany(
            "INSERT INTO bites VALUES (?, ?, ?, ?, ?, ?)",
            [(number, each.fault, each.kind, each.family, each.struck, each.bit) for each in run.bites],
        )

    def add_canary(self, canary: CanaryRow) -> None:
        """One more canary that has come to its end."""
        with _told(self.path), self._transaction():
            self._add_canary(canary)

    def _add_canary(self, canary: CanaryRow) -> None:
        self._database.execute("INSERT INTO canaries VALUES (?)", (msgspec.json.encode(canary).decode(),))

    # ------------------------------------------------------------ reading

    def declared(self) -> Declared:
        """What was to be run."""
        with _told(self.path):
            rows = self._database.execute("SELECT declared FROM sweep").fetchall()
            if len(rows) != 1:
                raise sqlite3.DatabaseError(f"{len(rows)} declarations where there should be one")
            return msgspec.json.decode(rows[0][0], type=Declared)

    def canaries(self) -> tuple[CanaryRow, ...]:
        """Every canary, in order of their ends."""
        with _told(self.path):
            rows = self._database.execute("SELECT canary FROM canaries ORDER BY rowid").fetchall()
            return tuple(msgspec.json.decode(text, type=CanaryRow) for (text,) in rows)

    def finished(self) -> set[tuple[str, int]]:
        """Scenario and seed of every run that came to a verdict; errors are to be tried again."""
        with _told(self.path):
            rows = self._database.execute("SELECT scenario, seed FROM runs WHERE verdict != 'error'")
            return {(scenario, int(seed)) for scenario, seed in rows}

    def runs(self) -> Iterator[RunRow]:
        """All runs in order of scenario and seed, as they stand at this moment."""
        with _told(self.path), self._transaction("DEFERRED"):
            measures = self._by_run("SELECT run, name, value FROM measures ORDER BY rowid", Measure)
            findings = self._by_run("SELECT * FROM findings ORDER BY rowid", FindingRow)
            bites = self._by_run("SELECT * FROM bites ORDER BY rowid", BiteRow)
            rows = self._database.execute(
                "SELECT id, scenario, seed, off, verdict, because, replay, history_sha256 FROM runs"
            ).fetchall()
        ordered = sorted(rows, key=lambda row: (row[1], int(row[2])))
        for number, scenario, seed, off, verdict, because, replay, digest in ordered:
            yield RunRow(
                scenario, int(seed), _parted(off), verdict, _parted(because), replay, digest,
                tuple(measures.get(number, ())), tuple(findings.get(number, ())), tuple(bites.get(number, ())),
            )  # fmt: skip

    def _by_run(self, query: str, kind: type[Row]) -> dict[int, list[Row]]:
        found: dict[int, list[Row]] = {}
        for number, *values in self._database.execute(query):
            found.setdefault(number, []).append(kind(*values))
        return found

    @contextlib.contextmanager
    def _transaction(self, kind: str = "IMMEDIATE") -> Iterator[None]:
        self._database.execute(f"BEGIN {kind}")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._database.execute("ROLLBACK")
            raise


# ---------------------------------------------------------------- pieces


def _connected(path: Path, mode: str = "mode=rwc") -> sqlite3.Connection:
    database = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", timeout=_WAIT_S, isolation_level=None, uri=True)
    database.execute("PRAGMA foreign_keys = ON")
    database.execute("PRAGMA synchronous = FULL")
    return database


def _look_over(path: Path, database: sqlite3.Connection) -> None:
    """Whether it is a whole results file of this format; UsageError that says what it is instead."""
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if application != _APPLICATION:
        raise UsageError(f"{path} is an SQLite file of something else; expected one that `harness sweep` wrote")
    if not version:
        raise UsageError(f"{path} is of a sweep that was ended before it began; leave out --resume to begin it")
    if version != FORMAT:
        raise UsageError(
            f"{path} is in format {version}, this version of the harness reads format {FORMAT}; "
            f"use the version that wrote it, or sweep again into another --out"
        )
    problems = [text for (text,) in database.execute("PRAGMA quick_check(3)") if text != "ok"]
    if problems:
        raise sqlite3.DatabaseError("; ".join(problems))


def _unborn(path: Path) -> bool:
    """Whether that is what is left of a sweep killed before it was written down what to run. If so, it is removed."""
    if path.stat().st_size:
        with contextlib.closing(_connected(path)) as database:
            (application,) = database.execute("PRAGMA application_id").fetchone()
            (version,) = database.execute("PRAGMA user_version").fetchone()
        if application != _APPLICATION or version:
            return False
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return True


def _locked(directory: Path) -> int:
    """The only writer in ``directory``, for as long as the descriptor stays open."""
    path = directory / "sweep.lock"
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(lock, 64).decode("ascii", "replace").strip()
        os.close(lock)
        who = f"process {holder}" if holder else "another process"
        raise UsageError(
            f"another sweep ({who}) is writing to {directory}; wait for its end or give another --out"
        ) from None
    # Only for that message: a disk that is full must not keep the lock from being taken.
    with contextlib.suppress(OSError):
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


@contextlib.contextmanager
def _told(path: Path, mend: str = "finished runs are kept: free some space and go on with --resume") -> Iterator[None]:
    """What SQLite says, as one message with what to do about it."""
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "full" in text or "disk I/O error" in text:
            raise HarnessError(f"cannot write {path}: {text}; {mend}") from None
        if "locked" in text or "busy" in text:
            raise HarnessError(f"{path} is held by another program: {text}; end it and go on with --resume") from None
        if "readonly" in text or "unable to open" in text:
            raise UsageError(f"cannot open {path}: {text}") from None
        raise _damaged(path, text) from None
    except sqlite3.IntegrityError as error:
        raise HarnessError(f"{path}: a run was to be kept twice ({error}); please report this") from None
    except (sqlite3.DatabaseError, msgspec.DecodeError, TypeError, ValueError) as error:
        raise _damaged(path, str(error)) from None


def _damaged(path: Path, why: str) -> UsageError:
    return UsageError(
        f"{path} is damaged or no results file ({' '.join(why.split())[:200]}); move it away and sweep again"
    )


def _joined(texts: tuple[str, ...]) -> str:
    return msgspec.json.encode(texts).decode()


def _parted(text: str) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...])
