"""Invariant 28: nothing that could be used to pay again is kept once a transaction is over.

Models: track data and PIN blocks of the customers' own presentations, looked for in every file, free page and file name, in the
NVRAM, on screens, slips and in what the software prints: after each settlement, after each power cut as the next boot finds it,
and at the end. A transaction is over when its action has ended; one that power or a crash cut off is over when the software
is ready again, for no answer can come any more. Until then the data may be anywhere but on paper, screen and in a log.
Does not model: RAM, where it may be until the authorisation; CVV2 and the clear PIN, which no software here is given; the
message to the host, which carries it by design.
Traps avoided: digits that only look like a card number (canaries are looked for, see SecretFound); a transaction under way
when power went; the card number by itself, which is 29's.
Source: domain section 8, invariant 28, and section 4; PCI DSS 4.0, 3.3.1.
"""

from harness.history.events import ActionEnded, Presented, SecretFound, SecretsSought, SoftwareReady
from harness.invariants.base import INVARIANTS, Invariant, Terms, on, when
from harness.invariants.books import Books
from harness.invariants.casebook import card, case, ends, paid_sale, ready, secret, sought

KINDS = {"track_data": "track data", "pin_block": "the PIN block"}
SHOWN = {"log": "in what the software prints", "receipt": "on a slip", "screen": "on the screen"}
KEPT = {
    "file": "in the file", "file_name": "in the name of", "free_page": "in a free page of", "nvram": "in the NVRAM",
}  # fmt: skip


def place(event: SecretFound) -> str:
    """Where it was found, in words."""
    if event.where in SHOWN:
        return SHOWN[event.where]
    path = f" {event.path}" if event.path else ""
    return f"{KEPT.get(event.where, event.where)}{path}, byte {event.offset}"


@INVARIANTS.register("no_sensitive_data")
class NoSensitiveData(Invariant):
    """Track data and PIN blocks of finished transactions are kept nowhere, shown nowhere and printed nowhere."""

    number = 28
    name = "no_sensitive_data"
    kind = "security"
    evidence = (
        "searches of all that the device keeps for the customers' own card data; screens, slips and printed lines"
    )
    requires = ("a search after a card was read",)

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._under_way: dict[str, dict[str, int]] = {}
        """By device: tokens of presentations whose action has not ended, with the action."""
        self._cut_off: dict[str, list[str]] = {}
        self._told: set[tuple[str, str, str, str]] = set()

    @on(Presented)
    def _presented(self, number: int, event: Presented) -> None:
        self._under_way.setdefault(event.device, {})[event.token] = event.action

    @on(ActionEnded)
    def _ended(self, number: int, event: ActionEnded) -> None:
        tokens = self._under_way.get(event.device)
        if not tokens:
            return
        over = [token for token, action in tokens.items() if action <= event.action]
        for token in over:
            del tokens[token]
        if event.outcome == "interrupted":
            self._cut_off.setdefault(event.device, []).extend(over)

    @on(SoftwareReady)
    def _ready(self, number: int, event: SoftwareReady) -> None:
        self._cut_off.pop(event.device, None)

    @on(SecretsSought)
    def _sought(self, number: int, event: SecretsSought) -> None:
        self.checked += 1

    @on(SecretFound)
    def _found(self, number: int, event: SecretFound) -> None:
        if event.kind not in KINDS:
            return
        device = event.device
        is_over = event.token not in self._under_way.get(device, {}) and event.token not in self._cut_off.get(
            device, ()
        )
        if not is_over and event.where not in SHOWN:
            return
        self.checked += 1
        key = (device, event.kind, event.where, event.path)
        if key in self._told:
            return
        self._told.add(key)
        over = "of a finished transaction " if is_over else ""
        summary = f"{device} has {KINDS[event.kind]} of card {event.pan} {over}{place(event)}, at {when(event.at_us)}."
        self.report(self.finding(device, event.at_us, summary, (number,), 0, "major"))


NoSensitiveData.cases = (
    case("nothing found", "the search after the settlement finds nothing", "pass", *paid_sale(), sought()),
    case(
        "card number only", "a card number in clear is 29's", "pass",
        *paid_sale(), secret("card_number"), sought(found=1),
    ),
    case(
        "under way when power went", "before its authorisation the data may be in a file", "pass",
        *paid_sale()[:3], ends(1, "interrupted"), secret(when="after_power_loss"), sought("after_power_loss", 1), ready(),
        sought("end"),
    ),
    case(
        "under way elsewhere", "one customer's sale is under way while another's settlement is searched", "pass",
        *paid_sale()[:3], secret(), sought(found=1), ends(1), sought("end"),
    ),
    case(
        "track data in the journal", "the record keeps track 2", "finding",
        *paid_sale(), secret(), sought(found=1),
        guilty=7, instead=secret("card_number"),
    ),
    case(
        "still there after the restart", "the transaction is over when the software is ready again", "finding",
        *paid_sale()[:3], ends(1, "interrupted"), ready(), secret(when="end"), sought("end", 1),
        guilty=5, instead=secret("card_number", when="end"),
    ),
    case(
        "PIN block in doubt", "the reversal that waits to be sent carries it", "finding",
        *paid_sale()[:3], ends(1, "unknown"), secret("pin_block", when="end"), sought("end", 1),
        guilty=4, instead=sought("end"),
    ),
    case(
        "printed while under way", "a log line outlives the transaction", "finding",
        *paid_sale()[:3], secret(where="log", path="", when="shown"), ends(1), sought("end"),
        guilty=3, instead=None,
    ),
    case(
        "an old card in a free page", "deleted is not erased", "finding",
        *paid_sale(), *paid_sale(2), secret(where="free_page", path="/data/tmp"), sought(found=1),
        guilty=14, instead=None,
    ),
    case("no search", "no settlement, no power cut, no end", "not_checked", *paid_sale(), card("9", 2)),
)  # fmt: skip
