"""All profiles by name. A new profile is one module in this package that registers itself here; nothing else changes."""

import importlib
import pkgutil
from functools import cache

import harness.storage.profiles as package
from harness.core.registry import Registry
from harness.storage.profiles.base import Profile

PROFILES: Registry[Profile] = Registry("storage profile")


def register(profile: Profile) -> Profile:
    """Put a profile on the list under its own name."""
    return PROFILES.register(profile.name)(profile)


def get(name: str) -> Profile:
    """The profile; raises UsageError naming the nearest known one."""
    _load()
    return PROFILES.get(name)


def names() -> list[str]:
    """Names of all profiles, sorted."""
    _load()
    return sorted(PROFILES.names())


@cache
def _load() -> None:
    for module in sorted(found.name for found in pkgutil.iter_modules(package.__path__)):
        importlib.import_module(f"{package.__name__}.{module}")
