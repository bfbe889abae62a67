"""Invariant 29: a card number is kept, printed and shown truncated or encrypted only.

Models: whole card numbers of the customers' own cards in clear, however spaced, packed or wrapped; more than the first six and
last four digits beside a mask; an unsalted hash beside the truncated number, which leaves six digits to be tried. Places and
instants of the search are those of 28. There is no "under way" here: what is stored is protected from the first moment.
Does not model: RAM; DE2 on the link and the ciphertext of a batch upload, which are never searched; ciphers that the software
made up itself; track data, which is 28's.
Traps avoided: digits that only look like a card number; a masked number; the PIN pad's ciphertext.
Source: domain section 8, invariant 29, and section 4; PCI DSS 4.0, 3.4.1, 3.5.1 and 3.5.1.1.
"""

from harness.history.events import SecretFound, SecretsSought
from harness.invariants.base import INVARIANTS, Invariant, Terms, on, when
from harness.invariants.books import Books
from harness.invariants.casebook import case, paid_sale, secret, sought
from harness.invariants.no_sensitive_data import place

_KINDS = {
    "card_number": "the number of card",
    "hash_beside_truncated": "a plain hash beside the truncated number of card",
}


@INVARIANTS.register("card_number_protected")
class CardNumberProtected(Invariant):
    """A card number is kept, printed and logged only truncated to its first six and last four digits, or encrypted."""

    number = 29
    name = "card_number_protected"
    kind = "security"
    evidence = "searches of all that the device keeps for the customers' own cards; screens, slips and printed lines"
    requires = ("a search after a card was read",)

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._told: set[tuple[str, str, str, str]] = set()

    @on(SecretsSought)
    def _sought(self, number: int, event: SecretsSought) -> None:
        self.checked += 1

    @on(SecretFound)
    def _found(self, number: int, event: SecretFound) -> None:
        if event.kind not in _KINDS:
            return
        self.checked += 1
        key = (event.device, event.kind, event.where, event.path)
        if key in self._told:
            return
        self._told.add(key)
        clear = "in clear " if event.kind == "card_number" else ""
        summary = f"{event.device} has {_KINDS[event.kind]} {event.pan} {clear}{place(event)}, at {when(event.at_us)}."
        self.report(self.finding(event.device, event.at_us, summary, (number,), 0, "major"))


CardNumberProtected.cases = (
    case("nothing found", "masked on the slip, encrypted in the log", "pass", *paid_sale(), sought()),
    case(
        "track data", "the number in it is not the worst of it: 28's", "pass",
        *paid_sale(), secret("track_data"), sought(found=1),
    ),
    case(
        "in a file", "a log file that support asked for", "finding",
        *paid_sale(), secret("card_number", path="/data/debug.log"), sought(found=1),
        guilty=7, instead=None,
    ),
    case(
        "on the slip", "the customer's copy shows all digits", "finding",
        *paid_sale(), secret("card_number", where="receipt", path="", when="shown"), sought("end"),
        guilty=7, instead=None,
    ),
    case(
        "while under way", "stored in clear for a moment is stored in clear", "finding",
        *paid_sale()[:3], secret("card_number", when="after_power_loss"), sought("after_power_loss", 1),
        guilty=3, instead=None,
    ),
    case(
        "hash and truncated number", "together they give the number away", "finding",
        *paid_sale(), secret("hash_beside_truncated"), sought(found=1),
        guilty=7, instead=None,
    ),
    case("no search", "no settlement, no power cut, no end", "not_checked", *paid_sale()),
)  # fmt: skip
