"""Defect: the release before this one takes records of a later format for no records, and begins anew over them.

Whoever goes back to it, because the new one had its troubles, loses the open batch. Must be caught by I1 (lost approval).
"""

from dataclasses import replace

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.formats import Recovered
from harness.terminals.reference.journal import NewerData
from harness.terminals.reference_v1 import FirstJournal, FirstStore, ReferenceV1


class UnwarnedJournal(FirstJournal):
    """Nothing that it can read is nothing that matters."""

    def recover(self, witnessed: tuple[int, int] | None, disowned: tuple[int, int] | None) -> Recovered | None:
        try:
            return super().recover(witnessed, disowned)
        except NewerData:
            return None


class UnwarnedStore(FirstStore):
    """A store on such a journal."""

    journal_class = UnwarnedJournal


class BeforeIt(ReferenceV1):
    """The release before this one."""

    store_class = UnwarnedStore


class DowngradeOverwrites(ReferenceTerminal):
    """See the module's first lines."""

    manifest = replace(ReferenceTerminal.manifest, name="downgrade_overwrites", previous=":BeforeIt")
