"""Random programs, each valid: an operation that the virtual disk refuses is drawn again.

Not uniform: a few names only, so that operations meet each other; files on the medium to begin with; most programs sync
something else than what they wrote, since that is where a journal shows its order.
"""

import random

from harness.storage.disk import Disk
from harness.storage.kernels.programs import (
    Append,
    ChangeMode,
    Create,
    HardLink,
    Hold,
    LetGo,
    MakeDirectory,
    Move,
    NudgeFile,
    Operation,
    Overwrite,
    Program,
    Remove,
    RemoveDirectory,
    Resize,
    Rewrite,
    Runner,
    SymbolicLink,
    SyncAll,
    SyncNames,
    SyncOne,
    no_nudge,
)
from harness.storage.volume import Volume

VOLUME_BYTES = 64 << 20

_FILES = ("/a", "/b", "/c", "/d/a", "/d/b", "/e/a")
_DIRECTORIES = ("/d", "/e", "/d/s")
_LENGTHS = (1, 10, 300, 700, 1500, 4096, 5000, 9000)
_OFFSETS = (0, 0, 100, 500, 3000, 4096, 8000)
_SIZES = (0, 0, 5, 100, 600, 4096, 6000, 12000)
_ATTEMPTS_MAX = 40
_WEIGHTS = {
    "append": 7, "overwrite": 5, "rewrite": 4, "create": 5, "resize": 3, "move": 6, "remove": 3, "link": 2, "symlink": 1,
    "mkdir": 2, "rmdir": 1, "chmod": 1, "hold": 1, "let_go": 1, "nudge": 4, "fsync": 6, "fdatasync": 2,
    "fsync_directory": 4, "sync": 1,
}  # fmt: skip


def virtual_disk() -> Disk:
    return Disk([Volume("data", "/", VOLUME_BYTES)])


def letter_of(place: int) -> bytes:
    """The byte that the operation at a place writes: never zero, and different for neighbours."""
    return bytes([33 + place % 90])


def random_program(rng: random.Random, length: int, *, hard_links: bool = True) -> Program:
    """An opening that ends in a sync, then ``length`` operations at most."""
    weights = {
        kind: weight for kind, weight in _WEIGHTS.items() if hard_links or kind not in ("link", "symlink", "chmod")
    }
    runner = Runner(virtual_disk(), no_nudge)
    program: list[Operation] = []
    opening: list[Operation] = [MakeDirectory("/d")]
    for path in rng.sample(_FILES[:5], rng.randrange(1, 4)):
        opening += [Create(path), Append(path, rng.choice(_LENGTHS[2:]))]
    for operation in [*opening, SyncAll()]:
        runner.run(operation, letter_of(len(program)))
        program.append(operation)
    for _ in range(length):
        for _attempt in range(_ATTEMPTS_MAX):
            kind = rng.choices(list(weights), list(weights.values()))[0]
            operation = _draw(rng, kind)
            try:
                runner.run(operation, letter_of(len(program)))
            except (OSError, KeyError):
                continue
            program.append(operation)
            break
    return tuple(program)


def _draw(rng: random.Random, kind: str) -> Operation:
    path = rng.choice(_FILES)
    match kind:
        case "append":
            return Append(path, rng.choice(_LENGTHS))
        case "overwrite":
            return Overwrite(path, rng.choice(_OFFSETS), rng.choice(_LENGTHS[1:6]))
        case "rewrite":
            return Rewrite(path, rng.choice(_LENGTHS))
        case "create":
            return Create(path)
        case "resize":
            return Resize(path, rng.choice(_SIZES))
        case "move":
            if rng.random() < 0.15:
                return Move(rng.choice(_DIRECTORIES), rng.choice(_DIRECTORIES))
            return Move(path, rng.choice(_FILES))
        case "remove":
            return Remove(path)
        case "link":
            return HardLink(path, rng.choice(_FILES))
        case "symlink":
            return SymbolicLink(rng.choice(("a", "b", "nowhere")), path)
        case "mkdir":
            return MakeDirectory(rng.choice(_DIRECTORIES))
        case "rmdir":
            return RemoveDirectory(rng.choice(_DIRECTORIES))
        case "chmod":
            return ChangeMode(path, rng.choice((0o600, 0o640, 0o400)))
        case "hold":
            return Hold(path)
        case "let_go":
            return LetGo(path)
        case "nudge":
            return NudgeFile(path, rng.random() < 0.8)
        case "fsync" | "fdatasync":
            return SyncOne(path, data_only=kind == "fdatasync")
        case "fsync_directory":
            return SyncNames(rng.choice(("/", "/", "/d", "/e")))
        case _:
            return SyncAll()
