"""What can be made to go wrong at the host, for one terminal at a time; a fault on all of them turns all their knobs.

Each knob counts how often it had an effect (``struck``), which is the evidence that the fault bit.
"""

from collections import Counter
from dataclasses import dataclass, field, replace


@dataclass(slots=True)
class Knobs:
    """All off by default. Counts run down as they are used; times are virtual and end by themselves."""

    silent_until_us: int = 0
    """Until then the host reads nothing: requests have no effect and get no answer."""
    ignore_requests: int = 0
    """So many requests are lost before the host: no effect, no answer."""
    drop_replies: int = 0
    """So many requests take effect, and their answers are lost."""
    respond_code: str = ""
    respond_count: int = 0
    """So many requests are answered with ``respond_code`` and not carried out; financial ones are booked as declined."""
    wrong_macs: int = 0
    """So many answers carry a wrong MAC; their requests take effect."""
    cut_over_until_us: int = 0
    """Until then everything but sign-on is answered 90, day cut-over in progress."""
    overloaded_until_us: int = 0
    """Until then everything is answered 96, system fault."""
    reversals_refused_until_us: int = 0
    """Until then each reversal is answered 96 and not carried out."""
    settlement_errors: int = 0
    """So many settlement requests are answered with code 3, error, and change nothing."""
    totals_off_by_one: int = 0
    """In so many settlements the host counts one debit too many."""
    forget_early_reversals: bool = False
    """A reversal that arrives before its original is answered 25 and not remembered: the late original is approved."""
    struck: Counter[str] = field(default_factory=Counter)
    mismatched_replies: int = 0
    """So many answers to requests that move money have ``mismatched_field`` of another transaction; the requests take effect."""
    mismatched_field: str = "trace number"
    held_replies: int = 0
    """So many answers are held back on their way, and sent when the terminal asks for the ``held_for``-th time after that."""
    held_for: int = 1
    held: tuple[tuple[int, bytes], ...] = ()
    """What is held back now: requests still to come, and the answer."""
    issuer_code: str = ""
    issuer_above_fen: int = 0
    issuer_declines: int = 0
    """So many sales above ``issuer_above_fen`` are declined with ``issuer_code``, as their issuers would."""
    payouts_stopped_until_us: int = 0
    """Until then no money is paid out, however due it is."""
    account_mistyped_until_us: int = 0
    """Until then the acquirer's record of the merchant's account is wrong: payouts come back."""
    closed_from_us: int = 0
    closed_until_us: int = 0
    """Between these everything but sign-on is answered with one of ``closed_codes`` after the other, for equal times."""
    closed_codes: tuple[str, ...] = ()
    closure_announced: bool = False
    """Every answer until then says from when until when it is."""

    confirmations: int = 0
    """So many orders have to be confirmed on the phone, after ``confirmed_after_us`` or a moment before they are revoked."""
    confirmed_after_us: int = 0

    def copy(self) -> "Knobs":
        """Independent knobs in the same position."""
        return replace(self, struck=self.struck.copy())

    def use(self, name: str) -> bool:
        """Take one from a counting knob; False when it is used up."""
        left: int = getattr(self, name)
        if left <= 0:
            return False
        setattr(self, name, left - 1)
        self.struck[name] += 1
        return True

    def closed_code(self, at_us: int) -> str:
        """The code of a host that is closed at this time; nothing when it is open."""
        if not self.closed_from_us <= at_us < self.closed_until_us:
            return ""
        self.struck["closed"] += 1
        length_us = self.closed_until_us - self.closed_from_us
        return self.closed_codes[(at_us - self.closed_from_us) * len(self.closed_codes) // length_us]

    def closure_told(self, at_us: int) -> tuple[int, int] | None:
        """From when until when the host is closed, as far as it says so."""
        if not self.closure_announced or at_us >= self.closed_until_us:
            return None
        self.struck["closure told"] += 1
        return self.closed_from_us, self.closed_until_us

    def before(self, name: str, at_us: int) -> bool:
        """Whether a timed knob is still on."""
        until_us: int = getattr(self, name)
        if at_us >= until_us:
            return False
        self.struck[name] += 1
        return True
