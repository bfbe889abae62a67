"""Making a case small: the same finding from fewer terminals, days, faults and actions, in a file that people read."""

from harness.engine.shrink.shrink import Shrunk, shrink

__all__ = ["Shrunk", "shrink"]
