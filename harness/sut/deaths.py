"""How terminal software ends, and what it is told when it asks for something that in-process software cannot have.

``ProcessEnded`` is no ``Exception``: ``except Exception`` does not see it. Software that swallows it with a bare ``except``
gets it again from every port, and is parked for good when it will not listen (``Process.refuse``).
"""

from __future__ import annotations


class ProcessEnded(BaseException):
    """The software's process is over. Raised through its frames for tidiness only: all its ports are already dead."""


class PowerLost(ProcessEnded):
    """The device has no power."""


class ProcessTierOnly(ImportError, RuntimeError):
    """In-process terminal software asked for something that only a process of its own can have.

    An ImportError too, because libraries guard what they can do without (sqlite3, asyncio) by catching that.
    """


class LibraryNeedsProcess(ProcessTierOnly):
    """The same of a library that software uses in good faith: no device lacks it, so nothing that comes of this is a finding."""


_LIBRARIES = frozenset({"asyncio", "mmap", "multiprocessing", "sqlite3"})


def process_tier_error(what: str) -> ProcessTierOnly:
    """The one clear sentence for everything that in-process software cannot do."""
    kind = LibraryNeedsProcess if what.partition(".")[0] in _LIBRARIES else ProcessTierOnly
    return kind(
        f"{what} is not available but to a program of its own: --terminal 'exec:python3 -m harness.contract.stdio SPEC'"
    )


class ReachedRealMachine(RuntimeError):
    """Terminal software got round the virtual device and was about to touch the real machine; the guard stopped it."""
