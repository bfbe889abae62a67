"""The names that a scenario may use: faults, profiles, media, device classes, links, merchants, invariants, shipped terminals.

Each list comes from the registry of its room, filled here by importing the modules of that room. Nothing is listed twice.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from harness.core.registry import Registry
from harness.faults.base import FAULTS, Fault


@cache
def faults() -> Registry[type[Fault]]:
    """All kinds of fault."""
    _import_all("harness.faults")
    return FAULTS


@cache
def profile_names() -> tuple[str, ...]:
    """All storage profiles."""
    from harness.storage.profiles import registry

    return tuple(registry.names())


@cache
def link_names() -> tuple[str, ...]:
    """All kinds of link."""
    from harness.network.kinds import LINK_KINDS

    return tuple(LINK_KINDS.names())


@cache
def medium_names() -> tuple[str, ...]:
    """All storage media."""
    from harness.storage.latency import MEDIA

    return tuple(MEDIA)


@cache
def device_class_names() -> tuple[str, ...]:
    """All device classes."""
    from harness.device.classes import DEVICE_CLASSES

    return tuple(DEVICE_CLASSES.names())


@cache
def merchant_names() -> tuple[str, ...]:
    """All kinds of merchant."""
    from harness.workload.merchants import MERCHANTS

    return tuple(MERCHANTS.names())


def _import_all(package: str) -> None:
    found = importlib.import_module(package)
    for name in sorted(module.name for module in pkgutil.iter_modules(found.__path__)):
        importlib.import_module(f"{package}.{name}")


@cache
def invariant_names() -> tuple[str, ...]:
    """All invariants."""
    from harness.invariants.catalogue import INVARIANTS

    return tuple(INVARIANTS.names())


@cache
def row_names() -> tuple[str, ...]:
    """All rows of the trade that a scenario may cover."""
    from harness.scenario.trade import row_ids

    return row_ids()


@cache
def terminal_names() -> tuple[str, ...]:
    """All terminals that ship."""
    from harness.terminals.catalogue import CATALOGUE

    return tuple(CATALOGUE)
