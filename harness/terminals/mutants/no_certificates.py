"""Defect: with totals that agree nothing is uploaded, the certificates of sales by chip neither.

Must be caught by I11 (a batch is given up only with what the host wants for it).
"""

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.store import Store


class NoCertificates(ReferenceTerminal):
    """See the module's first lines."""

    def upload_certificates(self, store: Store) -> None:
        if not self._progress().balanced:
            super().upload_certificates(store)
