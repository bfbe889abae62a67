"""Invariant 4: when a sale or void leaves the terminal, its reversal is durable already.

Models: as a black box, at the one instant that can tell: power or the software goes while the request is under way and
nothing has come back. All that the terminal knows from then on is what was durable when it sent. So, whatever became of
the request, the terminal must ask about it: send its reversal, or the same request again, before it comes to rest. A
terminal that does not had nothing durable to ask from. Where ``inspect`` is offered, what the files named is told as well.
Does not model: reversals that were durable and are removed later (5), or their order (6). The files alone prove nothing: a
reversal may be kept in NVRAM, which no inspection shows.
Traps avoided: a refund is an advice and is repeated, not reversed; a request whose answer had come is no longer in flight; the
bytes may have been lost with the power, which the terminal cannot know; a reversal may go out only at the next sale;
terminals that declare no reversals, and those that never came back (24), are not judged.
Source: domain section 8, invariant 4; rule R2; defect D1 (reversal saved after the send).
"""

from collections.abc import Iterator

from harness.history.events import Inspected
from harness.invariants.base import INVARIANTS, Finding, Invariant, Terms, on, plain_number, when, yuan
from harness.invariants.books import Books
from harness.invariants.casebook import (
    answered,
    arrives,
    case,
    comes_up,
    down,
    inspected,
    phase,
    power_lost,
    reversal,
    screen,
    up,
)
from harness.invariants.requests import Request


@INVARIANTS.register("write_ahead")
class WriteAhead(Invariant):
    """A sale or void is sent only when its reversal is durable."""

    number = 4
    name = "write_ahead"
    evidence = "requests cut off by a power loss or crash before any answer, against the reversals that follow"
    requires = ("a power loss or software crash while a request was under way",)

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._seen: dict[str, list[tuple[int, Inspected]]] = {}

    @on(Inspected)
    def _inspected(self, number: int, event: Inspected) -> None:
        if event.when == "after_power_loss" and not event.error:
            self._seen.setdefault(event.device, []).append((number, event))

    def conclude(self, at_us: int) -> Iterator[Finding]:
        requests = self.books.requests
        self.checked = requests.cut_in_flight
        if not self.checked:
            self.skip("no request was cut off in flight")
            return
        if not self.books.at_rest:
            self.checked = 0
            self.skip("the run never came to rest")
            return
        for request in requests.unfinished():
            if request.cut_in_flight and request.is_reversible and not _was_asked_about(request):
                if self.terms.manifest(request.device).reversal == "none":
                    self.skip(f"{request.device} declares no reversals")
                elif not self.books.resting(request.device):
                    self.skip(f"{request.device} never came back to ask about what it had sent")
                else:
                    yield self._unknown(request, at_us)

    def _unknown(self, request: Request, at_us: int) -> Finding:
        look = next((each for each in self._seen.get(request.device, ()) if each[0] > (request.cut or 0)), None)
        files = ""
        if look is not None and plain_number(request.stan) not in {
            plain_number(each) for each in look[1].pending_reversals
        }:
            files = "; its files name no such reversal"
        summary = (
            f"{request.device} sent a {request.name} of {yuan(request.amount_fen)} (trace number {request.stan}) at "
            f"{when(request.at_us)}, went down before an answer came, and never reversed it: its reversal was not durable "
            f"when the request left{files}."
        )
        events = (request.resent, request.cut, None if look is None else look[0])
        return self.finding(
            request.device, request.at_us, summary, events, request.amount_fen, "critical", at_us
        )  # fmt: skip


def _was_asked_about(request: Request) -> bool:
    """Whether the terminal showed that it knew of the request after the cut."""
    cut = request.cut or 0
    return request.reversal is not None or request.resent > cut or request.has_fate


_AFTER = (comes_up(), phase("quiescence"), phase("check"))

WriteAhead.cases = (
    case("reversed after the cut", "the ordinary end of a power cut", "pass",
         up(), power_lost(), comes_up(), reversal(), *answered(51, "0410"), phase("quiescence")),
    case(
        "nothing known of it", "the reversal was to be saved after the send", "finding",
        up(), arrives(1), power_lost(), *_AFTER,
        guilty=0, instead=up(mti="0220"),
    ),
    case(
        "the next sale goes out", "and nobody asks about the first", "finding",
        up(), power_lost(), comes_up(), up(3, stan="000002", token="2"), *answered(4, stan="000002"), screen(),
        phase("quiescence"),
        guilty=3, instead=reversal(),
    ),
    case(
        "files say it too", "inspect finds no reversal on what was durable", "finding",
        up(), power_lost(), comes_up(), inspected(when="after_power_loss"), phase("quiescence"),
        guilty=3, instead=reversal(),
    ),
    case(
        "kept outside the files", "a reversal in NVRAM is on no image, and is sent all the same", "pass",
        up(), power_lost(), inspected(when="after_power_loss"), comes_up(), reversal(), phase("quiescence"),
    ),
    case(
        "answered before the cut", "the answer had come: what becomes of it is for others", "not_checked",
        up(), arrives(1), *answered(2), power_lost(), *_AFTER,
    ),
    case(
        "refund", "an advice is not reversed", "not_checked",
        up(mti="0220"), power_lost(), *_AFTER,
    ),
    case(
        "reversed only at the next sale", "before_next: the trigger is the sale", "pass",
        up(), power_lost(), comes_up(), up(2, "0800", token=""), reversal(3), *answered(4, "0410"),
        up(5, stan="000002", token="2"), phase("quiescence"),
    ),
    case(
        "sent again", "the same request once more, after the restart, and answered", "pass",
        up(), power_lost(), comes_up(), up(3), *answered(4, code="94"), phase("quiescence"),
    ),
    case(
        "reversal under way at the cut", "it went out before: it was known", "pass",
        up(), power_lost(), comes_up(), reversal(3), power_lost(), comes_up(), phase("quiescence"),
    ),
    case("terminal is down", "it cannot ask any more", "pass", up(), power_lost(), phase("quiescence")),
    case("not at rest", "it may still come", "not_checked", up(), power_lost(), comes_up()),
    case("the answer is a no", "declined at the second try", "pass",
         up(), power_lost(), comes_up(), up(3), down(4, code="51"), arrives(4), phase("quiescence")),
)  # fmt: skip
