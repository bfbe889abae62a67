"""All faults by name. A new fault is one module in this package that registers itself; nothing else changes."""

import importlib
import pkgutil
from functools import cache

import harness.faults as package
from harness.core.registry import Registry
from harness.faults.base import FAULTS, Fault


@cache
def all_faults() -> Registry[type[Fault]]:
    """The registry with every module of this package loaded."""
    for module in sorted(found.name for found in pkgutil.iter_modules(package.__path__)):
        importlib.import_module(f"{package.__name__}.{module}")
    return FAULTS
