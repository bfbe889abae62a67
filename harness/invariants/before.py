"""What is older than the run: a device that began on an image names transactions that no event of the run made.

Models: which requests the run itself saw, so that whatever else a terminal claims or keeps came with its image; the batch that
was open then, when the host was told nothing of its content. Does not model: what both sides agreed on at the beginning: that
is in the books like any other entry, without a purchase.
Source: design section 8 (money is judged by what the history shows).
"""

from collections.abc import Callable

from harness.history.events import Event, ImageLoaded, MessageSent
from harness.invariants.base import Handler, Observer, Terms, on, plain_number
from harness.invariants.device_book import DeviceBook
from harness.invariants.requests import asks_for_money


class Before(Observer):
    """The part of the books that tells old transactions from new ones."""

    terms: Terms
    device: Callable[[str], DeviceBook]
    """The book of a device."""

    def handlers(self) -> dict[type[Event], Handler]:
        table = super().handlers()
        if not self.terms.on_images:
            del table[MessageSent]  # by far the most frequent event, and of no use here then
        return table

    @on(ImageLoaded)
    def _image_loaded(self, number: int, event: ImageLoaded) -> None:
        book = self.device(event.device)
        book.requests = set()
        if event.acquirer == "adopted":
            book.unagreed_batch = ""

    @on(MessageSent)
    def _sent(self, number: int, event: MessageSent) -> None:
        book = self.device(event.device)
        if book.requests is None or event.direction != "up" or not event.batch:
            return
        batch = plain_number(event.batch)
        if asks_for_money(event):
            book.requests.add((batch, plain_number(event.stan)))
        if book.unagreed_batch == "" and batch != "0":
            book.unagreed_batch = batch
