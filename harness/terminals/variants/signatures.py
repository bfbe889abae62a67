"""The reference with electronic signatures: each approved sale keeps one to four kilobytes more until the batch is closed.

Models: what a record holds besides the money, as a file of its own, written when the approval is durable and told; room for
the largest is made sure of before money moves. A signature that cannot be written is signed on paper. Does not model: the
strokes, their upload. Source: record sizes of the trade (domain notes section 3: e-signature 1-4 KB).
"""

from __future__ import annotations

import os
from dataclasses import replace

from harness.contract import Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import Answer
from harness.terminals.reference.records import Settlement, Transaction
from harness.terminals.reference.store import StorageFault, Store

_BYTES_MIN, _BYTES_MAX = 1_024, 4_096
_RESERVE_BYTES = 16_384
_PREFIX = "sign."


class Signatures(ReferenceTerminal):
    """See the module's first lines."""

    manifest = replace(ReferenceTerminal.manifest, name="signatures", full_below_bytes=81_920)

    def is_full(self, store: Store) -> bool:
        if super().is_full(store):
            return True
        try:
            space = os.statvfs(self.directory())
        except OSError as error:
            raise StorageFault(str(error)) from error
        return space.f_bavail * space.f_frsize < _RESERVE_BYTES

    def approve(self, transaction: Transaction, answer: Answer) -> Outcome:
        outcome = super().approve(transaction, answer)
        if outcome.kind == "approved" and transaction.kind == "sale":
            self.keep_signature(transaction.stan)
        return outcome

    def keep_signature(self, stan: str) -> None:
        """What the customer has drawn: how much it is hangs on their hand."""
        size = _BYTES_MIN + int(stan) * 7_919 % (_BYTES_MAX - _BYTES_MIN)
        try:
            with open(os.path.join(self.directory(), _PREFIX + stan), "wb") as file:
                file.write(b"~" * size)
        except OSError:
            pass

    def close_batch(self, store: Store, settlement: Settlement) -> None:
        super().close_batch(store, settlement)
        try:
            for name in sorted(os.listdir(self.directory())):
                if name.startswith(_PREFIX):
                    os.remove(os.path.join(self.directory(), name))
        except OSError:
            pass

    def directory(self) -> str:
        """Where the journal is too."""
        volumes = self.device.volumes
        return volumes["data"] if "data" in volumes else next(iter(volumes.values()))
