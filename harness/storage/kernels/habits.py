"""Programs written by hand: how software stores things, right and wrong, and the sequences that file systems are known for.

The random programs come upon most of these rarely. Each ends without a sync, so that the cuts fall where nothing is settled.
Source: the crash programs of the harness's own tests; xfstests generic/322, 335, 342 and 498 (renames and links around fsync).
"""

from harness.storage.kernels.programs import (
    Append,
    Create,
    HardLink,
    Hold,
    LetGo,
    MakeDirectory,
    Move,
    NudgeFile,
    Overwrite,
    Program,
    Remove,
    Resize,
    Rewrite,
    SyncAll,
    SyncNames,
    SyncOne,
)

_TEMPORARY, _STATE, _JOURNAL = "/b", "/a", "/c"
_SETTLED: Program = (
    Create(_STATE),
    Append(_STATE, 700),
    Create(_JOURNAL),
    Append(_JOURNAL, 5000),
    MakeDirectory("/d"),
    SyncAll(),
)


def _replaced(*, synced: bool, directory: bool) -> Program:
    program: Program = ()
    for length in (700, 5000, 9000):
        program += (Rewrite(_TEMPORARY, length),)
        program += (SyncOne(_TEMPORARY),) if synced else ()
        program += (Move(_TEMPORARY, _STATE),)
        program += (SyncNames("/"),) if directory else ()
    return program


HABITS: tuple[Program, ...] = (
    (*_SETTLED, *_replaced(synced=False, directory=False), SyncOne(_JOURNAL), NudgeFile(_STATE), Append(_JOURNAL, 10)),
    # The commit of another file falls between the allocation of the new file's blocks and their data.
    (*_SETTLED, *_replaced(synced=False, directory=False), Append(_JOURNAL, 300), SyncOne(_JOURNAL), SyncOne(_JOURNAL)),
    (*_SETTLED, *_replaced(synced=True, directory=False), Rewrite("/d/a", 10)),
    (*_SETTLED, *_replaced(synced=True, directory=True), Rewrite("/d/a", 10)),
    (*_SETTLED, Rewrite(_STATE, 1500), SyncOne(_STATE), Rewrite(_STATE, 9000), Append(_JOURNAL, 10), SyncOne(_JOURNAL)),
    (
        *_SETTLED, Hold(_JOURNAL), Append(_JOURNAL, 300), SyncOne(_JOURNAL), Append(_JOURNAL, 300), NudgeFile(_JOURNAL),
        Append(_JOURNAL, 4096), SyncOne(_JOURNAL, data_only=True), Append(_JOURNAL, 700), LetGo(_JOURNAL),
    ),
    # A log in a file made long enough beforehand, and cut short again.
    (
        *_SETTLED, Resize(_STATE, 12000), SyncOne(_STATE), Overwrite(_STATE, 700, 300), NudgeFile(_STATE),
        Overwrite(_STATE, 5000, 4096), SyncOne(_STATE, data_only=True), Resize(_STATE, 600), Append(_STATE, 300), SyncNames("/"),
        NudgeFile(_STATE),
    ),
    (*_SETTLED, Resize(_STATE, 100), NudgeFile(_STATE), Append(_STATE, 1500), NudgeFile(_STATE), Create("/b"), SyncOne("/b")),
    # generic/342: renamed away, made anew under the old name, the new one synced.
    (*_SETTLED, Move(_STATE, "/d/a"), Create(_STATE), Append(_STATE, 4096), SyncOne(_STATE), Append("/d/a", 10)),
    # generic/335, 322: moved between directories, the one it came to synced; then the file.
    (*_SETTLED, Move(_STATE, "/d/a"), SyncNames("/d"), Append("/d/a", 300), SyncOne("/d/a"), Move("/d/a", "/b"), SyncNames("/")),
    # generic/498: a second name, the first removed, the file synced.
    (*_SETTLED, HardLink(_STATE, "/d/a"), SyncOne(_STATE), Remove(_STATE), SyncOne("/d/a"), Move("/d/a", "/b"), Create(_STATE)),
    (*_SETTLED, Remove(_STATE), Create(_STATE), Append(_STATE, 10), SyncOne(_JOURNAL), SyncNames("/"), Overwrite(_STATE, 0, 700)),
)  # fmt: skip


def without_links(program: Program) -> bool:
    """Whether a file system that has no hard links can run it."""
    return not any(isinstance(operation, HardLink) for operation in program)
