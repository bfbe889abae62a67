"""Where the pyfakefs disk answers otherwise than a real tmpfs (and the first disk, which agrees with the tmpfs).

The fuzz stops a sequence at a divergence listed here, and fails at any other.
"""

from dataclasses import dataclass
from errno import EBADF, EEXIST, EINVAL, EISDIR, ELOOP, ENOENT, ENOTDIR, ENOTEMPTY, EPERM

# What a result is reduced to: an errno, or "value" for whatever a call that succeeded returned.
Kind = int | str


@dataclass(frozen=True)
class FakeDivergence:
    operations: tuple[str, ...]
    real: tuple[Kind, ...]
    fake: tuple[Kind, ...]
    reason: str


DIVERGENCES = (
    FakeDivergence(
        (
            "link",
            "rename",
            "open",
            "truncate",
            "rmdir",
            "fread",
            "fwrite",
            "mkdir",
            "symlink",
            "unlink",
            "stat",
            "chmod",
        ),
        (ENOTDIR, ELOOP),
        (ENOENT, ELOOP, EEXIST, ENOTDIR, EPERM),
        "a path through a file or a loop of links: pyfakefs finds nothing there",
    ),
    FakeDivergence(("link",), (ENOENT, EPERM), (EEXIST, ENOENT), "pyfakefs looks at the new name before the old one"),
    FakeDivergence(("link",), ("value",), (ENOENT, EPERM), "pyfakefs follows a symbolic link that is to be linked"),
    FakeDivergence(("open",), (EEXIST,), (EISDIR, ELOOP), "O_EXCL on a directory or a loop: pyfakefs checks it later"),
    FakeDivergence(
        ("rename",),
        (EISDIR, EINVAL, ENOTEMPTY, ENOTDIR, EEXIST),
        (ENOTEMPTY, ENOTDIR, EISDIR, EINVAL, ENOENT),
        "several things are wrong with a rename: pyfakefs names another one",
    ),
    FakeDivergence(("rename",), ("value",), (ENOENT,), "renaming a symbolic link that leads nowhere onto itself"),
    FakeDivergence(("lseek", "read"), ("value", EISDIR), (EBADF,), "a descriptor of a directory cannot seek or read"),
    FakeDivergence(
        ("read", "fread", "stat"),
        ("value",),
        ("value",),
        "a second descriptor of the same file has a copy of its own, and may see or write back stale content",
    ),
)
