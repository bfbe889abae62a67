"""What one host's dialect may have otherwise than the dialect it is built on, as data: what a dialect file describes.

Models: sizes and encodings on the line, whether there are logons and authentication codes, codes that decide nothing, rules
about reversals and repeated refunds, codes and processing codes, limits. Does not model other fields or other flows: those are a
dialect of their own, in Python.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

from harness.iso8583.codec import Codec
from harness.iso8583.encoding import AS_THE_TABLE, WireEncoding, encoded
from harness.iso8583.frame import BYTES_2, LengthPrefix
from harness.iso8583.wire import Wire

TRANSACTIONS = ("sale", "void", "refund", "preauth", "preauth_void", "completion", "completion_void")

ReversalStan = Literal["kept", "new", "either"]


@dataclass(frozen=True, slots=True)
class DialectRules:
    """One dialect's choices. What a dialect's base does not know (pre-authorisations, say) has no entry in ``codes``."""

    name: str
    tpdu: bytes
    header: bytes
    codes: dict[str, str] = field(default_factory=dict)
    """Processing code (DE3) by transaction."""
    undetermined: frozenset[str] = frozenset()
    """Further codes with which the host says that it does not know how a request ends."""
    definitive: frozenset[str] = frozenset()
    """Codes that decide here, though at most hosts they do not."""
    refund_repeat: Literal["00", "94"] = "00"
    """What a refund that is sent again word for word is answered."""
    reversal_stan: ReversalStan = "kept"
    """Whether a reversal carries the number of what it undoes, or one of its own and names that."""
    remembers_early_reversals: bool = True
    """A reversal that comes before its original has the late original declined."""
    settle_code: str = ""
    """Processing code of the settlement request, where the dialect has one."""
    settle_end_code: str = ""
    """Processing code of the settlement request after an upload."""
    differs_code: str = ""
    """What a settlement request is answered when the totals are not the host's."""
    amount_limit_fen: int | None = None
    count_limit: int | None = None
    length: LengthPrefix = BYTES_2
    encoding: WireEncoding = AS_THE_TABLE
    has_mac: bool = True
    """Whether requests that move money carry an authentication code, and answers to them do."""
    needs_logon: bool = True
    """Whether a terminal that is not signed on is refused; only a host without authentication codes can do without."""

    def without_mac(self) -> "DialectRules":
        """The same for terminals that have no keys: neither codes nor logons."""
        return replace(self, has_mac=False, needs_logon=False)

    def wire(self, codec: Codec) -> Wire:
        """The line of a dialect whose fields are those of ``codec``."""
        return Wire(encoded(codec, self.encoding), self.tpdu, self.header, self.length)

    def undecided(self, usual: frozenset[str]) -> frozenset[str]:
        """The codes that decide nothing at this host, of those that usually do not and its own."""
        return (usual - self.definitive) | self.undetermined
