"""What customers and the people at the counter want and do, and what a chip in the reader answers."""

from harness.history.events.base import Event


class IntentOpened(Event, frozen=True):
    """A customer wants something: ``kind`` is sale, void, refund, preauth, completion or a void of one of these.

    A preauth asks for ``amount_fen`` to be held, and nothing of it is due. A completion's ``amount_fen`` is what is finally
    due; ``held_fen`` is what was held for it, in the intent ``stay``. ``repeats``: nobody wants this one; a colleague keys in
    once more what the intent named has paid for.
    """

    device: str
    intent: int
    kind: str
    amount_fen: int
    held_fen: int | None = None
    stay: int | None = None
    repeats: int | None = None


class Presented(Event, frozen=True):
    """A card was shown for an intent; a retry shows it again under a new token."""

    device: str
    intent: int
    token: str
    action: int


class CardDecided(Event, frozen=True):
    """The chip of the card in the reader answered: ``answer`` is TC, ARQC, AAC, or removed when the card was gone.

    ``step`` is first (before the host was asked) or second (after it answered).
    """

    device: str
    action: int | None
    token: str
    step: str
    answer: str
    amount_fen: int


class IntentClosed(Event, frozen=True):
    """The customer leaves. ``belief`` is what they saw: paid, not_paid or unknown; ``walked_away`` if they lost patience."""

    device: str
    intent: int
    belief: str
    walked_away: bool = False


class ActionStarted(Event, frozen=True):
    """An operator action reached the terminal; ``kind`` is a contract.ActionKind."""

    device: str
    action: int
    kind: str
    amount_fen: int | None = None
    intent: int | None = None
    original_stan: str | None = None


class ActionEnded(Event, frozen=True):
    """``outcome`` is a contract.OutcomeKind, or "interrupted" when power or the software died under it."""

    device: str
    action: int
    outcome: str
    reason: str = ""


class OperatorDid(Event, frozen=True):
    """Something people did to the device and not through its keys: pulled the plug, loaded paper."""

    device: str
    what: str
