"""The reference terminal: correct by the rules, and written as an engineer at a terminal vendor would write it."""

from harness.terminals.reference.terminal import ReferenceTerminal

__all__ = ["ReferenceTerminal"]
