"""time-machine without its pytest plugin.

The module imports pytest and dateutil wherever they are installed, for a fixture and for dates written as text. No run needs
either, and together they cost a tenth of a second of processor time in the process of every single run. Where pytest is
loaded already the fixture may be wanted, so nothing is held back there.
"""

from __future__ import annotations

import sys

_UNNEEDED = ("pytest", "dateutil")
_held_back = [name for name in _UNNEEDED if name not in sys.modules] if "pytest" not in sys.modules else []

for _name in _held_back:
    sys.modules[_name] = None  # type: ignore[assignment]  # importing it now raises ImportError, which is provided for
try:
    import time_machine
finally:
    for _name in _held_back:
        del sys.modules[_name]

__all__ = ["time_machine"]
