"""Opening a results file: whose it is, whether it is whole, who else writes to it, and every failure as one message."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec

from harness.core.errors import HarnessError, UsageError

FORMAT = 2
APPLICATION = 0x54464831  # "TFH1": whose file it is, for file(1) and for us
_WAIT_S = 10.0
_KINDS = {
    "runs": {
        "text": "scenario seed off verdict because replay history_sha256",
        "integer": "measured planned",
        "blob": "measures bites",
    },
    "findings": {
        "text": "signature name kind device summary fault place",
        "integer": "run invariant count money_fen at_us",
    },
}
"""What SQLite would let anybody put into a column is checked when the file is opened."""


def connected(path: Path, mode: str = "mode=rwc") -> sqlite3.Connection:
    database = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", timeout=_WAIT_S, isolation_level=None, uri=True)
    database.execute("PRAGMA foreign_keys = ON")
    database.execute("PRAGMA synchronous = FULL")
    return database


def look_over(path: Path, database: sqlite3.Connection) -> None:
    """Whether it is a whole results file of this format; UsageError that says what it is instead."""
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION:
        raise UsageError(f"{path} is an SQLite file of something else; expected one that `harness sweep` wrote")
    if not version:
        raise UsageError(f"{path} is of a sweep that was ended before it began; leave out --resume to begin it")
    if version != FORMAT:
        raise UsageError(
            f"{path} is in format {version}, this version of the harness reads format {FORMAT}; "
            f"use the version that wrote it, or sweep again into another --out"
        )
    # Programs in a file from elsewhere may run for ever; ours has none.
    others = database.execute("SELECT count(*) FROM sqlite_master WHERE type NOT IN ('table', 'index')").fetchone()
    if others != (0,):
        raise sqlite3.DatabaseError("it holds views or triggers")
    problems = [text for (text,) in database.execute("PRAGMA quick_check(3)") if text != "ok"]
    if problems:
        raise sqlite3.DatabaseError("; ".join(problems))
    for table, columns in _KINDS.items():
        unlike = " OR ".join(f"typeof({name}) != '{kind}'" for kind, names in columns.items() for name in names.split())
        if database.execute(f"SELECT EXISTS (SELECT 1 FROM {table} WHERE {unlike})").fetchone() != (0,):
            raise sqlite3.DatabaseError(f"a value in {table} is of another kind")


def unborn(path: Path) -> bool:
    """Whether that is what is left of a sweep killed before it was written down what to run. If so, it is removed."""
    if path.stat().st_size:
        with contextlib.closing(connected(path)) as database:
            (application,) = database.execute("PRAGMA application_id").fetchone()
            (version,) = database.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION or version:
            return False
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return True


def locked(directory: Path) -> int:
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
def told(path: Path, mend: str = "finished runs are kept: free some space and go on with --resume") -> Iterator[None]:
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
        raise damaged(path, text) from None
    except sqlite3.IntegrityError as error:
        raise HarnessError(f"{path}: a run was to be kept twice ({error}); please report this") from None
    except (sqlite3.DatabaseError, msgspec.DecodeError, TypeError, ValueError, RecursionError, OverflowError) as error:
        raise damaged(path, str(error)) from None


def damaged(path: Path, why: str) -> UsageError:
    mend = (
        "move it away and sweep again" if path.suffix == ".sqlite" else "give a sweep's directory or its results.sqlite"
    )
    return UsageError(f"{path} is damaged or no results file ({' '.join(why.split())[:200]}); {mend}")
