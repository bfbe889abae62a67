"""How many records a terminal must be keeping: what several invariants count, from outside.

Models: two bounds. At least: sales and refunds that the terminal ended as approved and that nobody took back or settled since.
At most: every financial request that it sent since its batch closed. Whatever it counts itself (voids or not, reversed ones
or not) lies between them.
Does not model: records from before the run (``ImageLoaded``): the lower bound leaves them out.
"""

from harness.history.events import ActionEnded, BatchSettled, ImageLoaded, LedgerChanged, MessageSent
from harness.invariants.base import Invariant, Terms, on, plain_number
from harness.invariants.books import Books
from harness.invariants.requests import asks_for_money

_LOGGED = frozenset({"sale", "refund"})


class CountingInvariant(Invariant):
    """An invariant that needs these counts; its own handlers of the same events call these first."""

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._held: dict[str, dict[int, None]] = {}
        self._asked: dict[str, dict[tuple[str, str], None]] = {}
        self._on_image: set[str] = set()

    def at_least(self, device: str) -> int:
        """Records that the device must be keeping."""
        return len(self._held.get(device, ()))

    def at_most(self, device: str) -> int | None:
        """Records that it can be keeping; None when it began with some already."""
        return None if device in self._on_image else len(self._asked.get(device, ()))

    @on(ImageLoaded)
    def _image_loaded(self, number: int, event: ImageLoaded) -> None:
        self._on_image.add(event.device)

    @on(MessageSent)
    def _sent(self, number: int, event: MessageSent) -> None:
        if event.direction == "up" and asks_for_money(event):
            key = (plain_number(event.batch), plain_number(event.stan))
            asked = self._asked.setdefault(event.device, {})
            if key not in asked:
                self.before_request(number, event)
                asked[key] = None

    def before_request(self, number: int, event: MessageSent) -> None:
        """A new financial request has left the device; the counts are as they were before it."""

    @on(ActionEnded)
    def _ended(self, number: int, event: ActionEnded) -> None:
        action = self.books.device(event.device).actions.get(event.action)
        if action is None:
            return
        self.action_ended(number, event)
        if event.outcome == "approved":
            held = self._held.setdefault(event.device, {})
            for entry in action.entries:
                if entry.state == "APPROVED" and entry.kind in _LOGGED:
                    held[entry.number] = None

    def action_ended(self, number: int, event: ActionEnded) -> None:
        """An action about money has ended; the counts are as they were before it."""

    @on(LedgerChanged)
    def _ledger(self, number: int, event: LedgerChanged) -> None:
        if event.state != "APPROVED":
            self._held.get(event.device, {}).pop(event.entry, None)

    @on(BatchSettled)
    def _settled(self, number: int, event: BatchSettled) -> None:
        if event.closed and not event.repeated:
            self._held.pop(event.device, None)
            self._asked.pop(event.device, None)
            self._on_image.discard(event.device)
