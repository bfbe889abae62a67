"""Defect: a second 95, after the upload, is taken for the end of the settlement ("CLOSED (95)"; D9).

Must be caught by I11 (cleared without the host's proof).
"""

from harness.terminals.reference.international import InternationalReference


class SecondNinetyFive(InternationalReference):
    """See the module's first lines."""

    def differs_again(self) -> None:
        return
