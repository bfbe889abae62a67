"""Defect: the trace number is a variable; after a restart counting begins at 1 again.

The host answers 94, or worse, a reversal names an older sale. Must be caught by I8 (trace number used twice).
"""

from harness.terminals.reference import ReferenceTerminal


class StanInRam(ReferenceTerminal):
    """See the module's first lines."""

    def boot(self) -> None:
        super().boot()
        if self.store is not None:
            self.books.stan = 0
