"""Financial requests as they go over the line, and what became of each; kept once and read by several invariants.

Models: each sale, void, pre-authorisation and advice by device, batch and STAN, from its first sending until nothing hangs on
it any more: the answers that reached the terminal and whether they were sound (of the right type, STAN, amount and processing
code, with a good MAC if they say 00, and in time), its reversals and their answers, the instant in which power or software went
under it, and the event in which the terminal told of its success.
Does not model: what the terminal's files say; where the money is (the books).
Source: domain section 1.1 (response check, reversal), section 1.5 R2-R8.
"""

from collections.abc import Callable, Iterator

from harness.history.events import (
    BatchSettled,
    MessageDelivered,
    MessageDropped,
    MessageSent,
    OperatorDid,
    PowerLost,
    ReceiptPrinted,
    ScreenShown,
    SoftwareDied,
)
from harness.history.words import cleared_by_support
from harness.invariants.base import Observer, Terms, on, plain_number
from harness.invariants.device_book import DeviceBook

REVERSIBLE = frozenset({"0100", "0200"})
FINANCIAL = REVERSIBLE | {"0220"}
REVERSAL = "0400"
REVERSED_CODES = frozenset({"00", "12", "25"})
"""The host has nothing left to undo (R6)."""
UNDETERMINED_CODES = frozenset({"", "68", "96", "98"})
"""The host does not know either (domain 1.4). Other codes that are not 00 are taken for a definite no: leave to doubt."""
_ORDER, _CREATES = "0600", "000000"
_ANSWERS = {"0110": "0100", "0210": "0200", "0230": "0220", "0410": REVERSAL}
_TELLING = frozenset({"sale", "void", "refund"})

Key = tuple[str, str]
"""Batch and STAN, without leading zeros."""


def creates_order(event: MessageSent) -> bool:
    """Whether a request charges a payment code: an order, which is revoked and not reversed."""
    return event.mti == _ORDER and event.processing_code == _CREATES


def asks_for_money(event: MessageSent) -> bool:
    """Whether a request is one that a terminal keeps a record of."""
    return event.mti in FINANCIAL or creates_order(event)


class Request:
    """One financial request. Numbers are those of events; None: it did not happen."""

    __slots__ = (
        "action", "amount_fen", "approved", "approved_us", "at_us", "bad_mac", "cut", "cut_in_flight", "declined",
        "declined_code", "device", "heard", "key", "last_us", "mti", "newer", "newer_last", "number", "original_stan",
        "processing_code", "reason", "resent", "reversal", "reversal_last", "reversed", "stan", "surfaced", "token", "unsound",
        "unsound_why",
    )  # fmt: skip

    def __init__(self, event: MessageSent, number: int, key: Key, action: int | None) -> None:
        self.device = event.device
        self.key = key
        self.stan = event.stan
        self.token = event.token
        self.mti = event.mti
        self.processing_code = event.processing_code
        self.amount_fen = event.amount_fen or 0
        self.original_stan = event.original_stan
        self.number = number
        self.at_us = event.at_us
        self.last_us = event.at_us
        """When it was sent last: a retransmission waits anew."""
        self.resent = number
        self.action = action
        self.newer: int | None = None
        """The first later request that was not this one again: a financial one or a settlement."""
        self.newer_last: int | None = None
        """The latest of those."""
        self.heard: int | None = None
        """The first answer of any kind that reached the terminal."""
        self.approved: int | None = None
        self.approved_us = 0
        self.declined: int | None = None
        self.declined_code = ""
        self.unsound: int | None = None
        """An answer 00 reached the terminal that must not count."""
        self.unsound_why = ""
        self.bad_mac: int | None = None
        self.reversal: int | None = None
        self.reversal_last: int | None = None
        self.reason = ""
        """DE39 of the first reversal."""
        self.reversed: int | None = None
        self.cut: int | None = None
        """Power or software went before its fate was known to anybody."""
        self.cut_in_flight = False
        """And at that instant no answer had come and no reversal was under way."""
        self.surfaced: int | None = None
        """The terminal told of its success, or claimed it in a settlement."""

    @property
    def is_reversible(self) -> bool:
        """Whether doubt about it must end in a reversal; an advice is repeated instead."""
        return self.mti in REVERSIBLE

    @property
    def is_void(self) -> bool:
        """Whether it takes back a sale."""
        return self.mti == "0200" and self.processing_code[:2] == "20"

    @property
    def has_fate(self) -> bool:
        """Whether the terminal was told how it ended, or has itself told of its success."""
        return not (self.approved is None and self.declined is None and self.reversed is None and self.surfaced is None)

    @property
    def name(self) -> str:
        """What people call it."""
        return "void" if self.is_void else "sale" if self.processing_code[:2] == "00" else "request"

    def is_same(self, event: MessageSent) -> bool:
        """Whether ``event`` sends this very request again; an advice goes out again without its track."""
        same = self.mti == event.mti and self.amount_fen == (event.amount_fen or 0)
        return same and (self.token == event.token or (not event.token and not self.is_reversible))


class Page:
    """One device's requests whose story is not over, oldest first; ``last`` is the one sent last."""

    __slots__ = ("last", "names", "open")

    def __init__(self) -> None:
        self.open: dict[Key, Request] = {}
        self.last: Request | None = None
        self.names: dict[Key, Request] = {}
        """Whose reversal a STAN on the wire is."""


class Requests(Observer):
    """The shared view. It must observe an event before the invariants that read it do, and after the books."""

    def __init__(self, terms: Terms, device: Callable[[str], DeviceBook]) -> None:
        self._terms = terms
        self._undetermined = terms.undetermined(UNDETERMINED_CODES)
        self._book = device
        self.pages: dict[str, Page] = {}
        self._answers: dict[int, tuple[Request, MessageSent, str]] = {}
        self.unsound = 0
        """How many approvals that must not count reached a terminal."""
        self.declines = 0
        """How many answers that are a no did."""
        self.approvals = 0
        """And how many approvals that count."""
        self.reversible = 0
        """How many reversible requests went out."""
        self.cut_in_flight = 0
        """How many reversible requests power or the software left under way."""

    def page(self, device: str) -> Page:
        """The page of a device, opened when it is first heard of."""
        page = self.pages.get(device)
        if page is None:
            page = self.pages[device] = Page()
        return page

    def unfinished(self) -> Iterator[Request]:
        """All requests whose story is not over, by device."""
        for page in self.pages.values():
            yield from page.open.values()

    # ------------------------------------------------------------ messages

    @on(MessageSent)
    def _sent(self, number: int, event: MessageSent) -> None:
        if event.direction == "up":
            mti = event.mti
            if mti in FINANCIAL:
                self._request(number, event)
            elif mti == REVERSAL:
                self._reversal(number, event)
            elif mti == "0500" or creates_order(event):
                self._note_newer(self.page(event.device), number, None)
        elif event.mti in _ANSWERS:
            self._answer(event)

    def _request(self, number: int, event: MessageSent) -> None:
        page = self.page(event.device)
        key = (plain_number(event.batch), plain_number(event.stan))
        known = page.open.get(key)
        if known is not None and known.is_same(event):
            known.last_us, known.resent = event.at_us, number
            page.last = known
        else:
            if known is not None:
                # Its number is used for another request (8); what became of the first one is still to be told.
                known.key = (key[0], f"{key[1]} of event {known.number}")
                page.open[known.key] = page.open.pop(key)
            current = self._book(event.device).current
            self.reversible += event.mti in REVERSIBLE
            known = page.last = Request(event, number, key, None if current is None else current.number)
        self._note_newer(page, number, known)
        page.open[key] = known

    @staticmethod
    def _note_newer(page: Page, number: int, sent: Request | None) -> None:
        over: list[Key] = []
        for key, each in page.open.items():
            if each is not sent:
                if each.newer is None:
                    each.newer = number
                each.newer_last = number
                if each.declined is not None or each.reversed is not None or each.surfaced is not None:
                    over.append(key)
        for key in over:
            each = page.open.pop(key)
            for name in [name for name, named in page.names.items() if named is each]:
                del page.names[name]

    def _reversal(self, number: int, event: MessageSent) -> None:
        page = self.page(event.device)
        batch = plain_number(event.batch)
        request = page.open.get((batch, plain_number(event.original_stan or event.stan)))
        if request is None:
            return
        page.names[batch, plain_number(event.stan)] = request
        if request.reversal is None:
            request.reversal, request.reason = number, event.response_code
        request.reversal_last = number

    def _answer(self, event: MessageSent) -> None:
        page = self.pages.get(event.device)
        if page is None:
            return
        key = (plain_number(event.batch), plain_number(event.stan))
        if event.mti == "0410":
            undone = page.names.get(key)
            if undone is not None and not (event.altered and event.response_code == "00"):
                self._answers[event.message] = (undone, event, "")
            return
        request = page.open.get(key)
        if request is None:
            request = page.last
            why = "of another trace number"
        else:
            why = _unsound(request, event)
        if request is not None:
            self._answers[event.message] = (request, event, why)

    @on(MessageDropped)
    def _dropped(self, number: int, event: MessageDropped) -> None:
        self._answers.pop(event.message, None)

    @on(MessageDelivered)
    def _delivered(self, number: int, event: MessageDelivered) -> None:
        found = self._answers.pop(event.message, None)
        if found is None:
            return
        request, answer, why = found
        if answer.mti == "0410":
            if answer.response_code in REVERSED_CODES:
                request.reversed = number
            return
        if not why and request.reversal is not None:
            why = "that came late, when the request had been reversed"
        if not why and event.at_us > request.last_us + self._terms.reply_timeout_us(event.device):
            why = "that came late"
        if request.heard is None:
            request.heard = number
        if why:
            if answer.response_code == "00":
                self._unsound_came(number, request, answer, why)
        elif answer.response_code == "00":
            request.approved, request.approved_us = number, event.at_us
            self.approvals += 1
        if not why.startswith("of another") and answer.response_code not in ("00", *self._undetermined):
            request.declined, request.declined_code = number, answer.response_code
            self.declines += 1

    def _unsound_came(self, number: int, request: Request, answer: MessageSent, why: str) -> None:
        self.unsound += 1
        request.unsound, request.unsound_why = number, why
        if answer.altered == "mac":
            request.bad_mac = number
        last = self.page(request.device).last
        if last is not None and last is not request and last.heard is None and last.approved is None:
            # It came while the terminal waited for another answer: taken for that one, it is of another trace number.
            last.unsound, last.unsound_why = number, "of another trace number"

    # ------------------------------------------------------------ the terminal

    @on(OperatorDid)
    def _operator(self, number: int, event: OperatorDid) -> None:
        """The acquirer was asked on the telephone, and undid it: that is its word, though no message brought it."""
        stan = cleared_by_support(event.what)
        if stan is None:
            return
        for each in self.page(event.device).open.values():
            if each.reversed is None and (not stan or plain_number(each.stan) == plain_number(stan)):
                each.reversed = number

    @on(PowerLost, SoftwareDied)
    def _died(self, number: int, event: PowerLost | SoftwareDied) -> None:
        page = self.pages.get(event.device)
        if page is None:
            return
        for each in page.open.values():
            if each.cut is None and each.declined is None and each.reversed is None and each.surfaced is None:
                each.cut = number
                each.cut_in_flight = each.heard is None and each.reversal is None
                self.cut_in_flight += each.cut_in_flight and each.is_reversible

    @on(ScreenShown)
    def _screen(self, number: int, event: ScreenShown) -> None:
        if event.kind == "approved":
            self._surface(number, event)

    @on(ReceiptPrinted)
    def _receipt(self, number: int, event: ReceiptPrinted) -> None:
        if event.kind in _TELLING:
            self._surface(number, event)

    def _surface(self, number: int, event: ScreenShown | ReceiptPrinted) -> None:
        request = self.told(event)
        if request is not None and request.surfaced is None:
            request.surfaced = number

    def told(self, event: ScreenShown | ReceiptPrinted) -> Request | None:
        """The request whose success a screen or slip tells of, if it is known."""
        page = self.pages.get(event.device)
        if page is None:
            return None
        if event.stan and event.batch:
            named = page.open.get((plain_number(event.batch), plain_number(event.stan)))
            if named is not None:
                return named
        last = page.last
        return last if last is not None and event.action is not None and last.action == event.action else None

    @on(BatchSettled)
    def _settled(self, number: int, event: BatchSettled) -> None:
        page = self.pages.get(event.device)
        if page is None or not event.closed or event.repeated:
            return
        by_key = self._book(event.device).by_key
        for key, each in page.open.items():
            entry = by_key.get(key)
            if entry is not None and entry.claimed and each.surfaced is None:
                each.surfaced = number


def _unsound(request: Request, event: MessageSent) -> str:
    """Why an answer that names the request's STAN must not count for it; empty when nothing is wrong with it."""
    if event.altered == "mac":
        return "with a wrong MAC" if event.response_code == "00" else ""
    if _ANSWERS[event.mti] != request.mti:
        return "of another message type"
    if event.processing_code and event.processing_code != request.processing_code:
        return "of another processing code"
    if event.amount_fen is not None and event.amount_fen != request.amount_fen:
        return "of another amount"
    return f"of another {event.altered}" if event.altered else ""
