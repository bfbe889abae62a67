"""How a test changes a storage model for its own time, and how the project's checks say that they noticed.

A change is put into the production classes. The checks are tests of the project, called as they are: what passes on the
true model and not on the changed one would have caught whoever made that change.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest

from harness.storage.image import Image
from harness.storage.oplog import Op
from harness.storage.profiles import registry
from harness.storage.profiles.last_read import LastRead
from harness.storage.profiles.unordered import UnorderedProfile
from tests.storage import test_crash_programs

Patch = pytest.MonkeyPatch
Check = Callable[[], Any]


@dataclass(frozen=True)
class Change:
    """A model that is no longer the world's. ``noticed_by``: checks of which each must fail on it."""

    name: str
    make: Callable[[Patch], None]
    noticed_by: tuple[Check, ...]


def check(test: Callable[..., Any], *arguments: Any) -> Check:
    """One test of the project, on one profile or program."""
    return partial(test, *arguments)


def told(found: Check) -> str:
    """A check by its name."""
    assert isinstance(found, partial)
    arguments = ", ".join(getattr(each, "name", str(each)) for each in found.args)
    return f"{found.func.__module__.rpartition('.')[2]}.{found.func.__name__}({arguments})"


def complaints(checks: Sequence[Check]) -> list[str]:
    """Which of the checks fail as things are."""
    found = []
    for each in checks:
        try:
            each()
        except Exception as error:  # a test that fails otherwise than by its assertions has failed
            found.append(f"{told(each)}: {type(error).__name__}")
    return found


def program(name: str, profile: str) -> Check:
    """The states that a known program may leave and those that violate, against the committed table."""
    return check(test_crash_programs.test_zero_stays_zero_and_the_rest_stays_what_it_is, name, profile)


POSIX, EXT4, FAT = registry.get("posix-weak"), registry.get("ext4-ordered"), registry.get("fat")
NO_DA, F2FS, UBIFS = registry.get("ext4-noauto_da_alloc"), registry.get("f2fs"), registry.get("ubifs")
JFFS2, YAFFS2, LITTLEFS = registry.get("jffs2"), registry.get("yaffs2"), registry.get("littlefs")
EMMC = registry.get("emmc")


Make = Callable[[Patch], None]


def entered(changes: list[Change]) -> Callable[..., Callable[[Make], Make]]:
    """A decorator that enters a change among ``changes`` with the checks that notice it; its name is the function's."""

    def noticed_by(*checks: Check) -> Callable[[Make], Make]:
        def enter(make: Make) -> Make:
            changes.append(Change(make.__name__.replace("_", " "), make, checks))
            return make

        return enter

    return noticed_by


def ruled(patch: Patch, profile: type[Any], **rules: Any) -> None:
    """Other rules for one file system."""
    patch.setattr(profile, "rules", replace(profile.rules, **rules))
    instance = next(each for each in map(registry.get, registry.names()) if type(each) is profile)
    if isinstance(instance, UnorderedProfile):
        patch.setattr(instance, "_outcomes", {})


def read_anew(patch: Patch, profile: Any, read: Callable[[Image, Sequence[Op]], Any]) -> None:
    """Another reading of what the barriers of a log say."""
    patch.setattr(profile, "_read", LastRead(read))
