"""How the people behave: one frozen set of habits, each a chance or a time, all of them set by the scenario.

Models: the behaviours that field reports name (settling late or never, pulling the plug, clearing the cache, showing the
card twice). Does not model: malice, training effects, or two people at one till. Sources: the list of behaviours is from
field articles on full storage and failed settlements; every number is an assumption, and stands here to be changed.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.core.units import US_PER_MINUTE, US_PER_SECOND


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Habits of one shop's people. ``..._percent`` is a chance in a hundred each time the occasion comes up.

    The four ``settles_...`` are weights of what happens at the end of a day; the rest up to 100 is ``settles_never``'s.
    The two ``when_full_...`` are weights of what the operator does when the terminal asks for settlement; the rest is
    ignoring it.
    """

    settles_on_time_percent: float = 90.0
    """Settles at closing time."""
    settles_late_percent: float = 10.0
    """Settles next morning, before opening."""
    settles_twice_percent: float = 0.0
    """Settles at closing time and, unsure whether it worked, once more."""
    signs_off_percent: float = 0.0
    """Signs the terminal off at the end of a day, settled or not; told to settle first, does, and signs off then."""
    settlement_tries: int = 3
    """How often a settlement that failed is tried in a row."""
    when_full_settles_percent: float = 95.0
    """Settles when the terminal asks for it."""
    when_full_clears_cache_percent: float = 3.0
    """Clears the cache instead."""
    retries_after_unknown_percent: float = 70.0
    """The customer pays again after an unknown end; only while nothing says that they have paid."""
    attempts: int = 3
    """How often one purchase is tried at most."""
    tries_other_card_percent: float = 40.0
    """After a decline, another card instead of cash."""
    steps_percent: float = 100.0
    """How much of the ordinary time keying a sale in and showing the card take: fewer steps, less time."""
    slow_after_us: int = 12 * US_PER_SECOND
    """From then on people find it slow."""
    shows_card_again_percent: float = 10.0
    """Shows the card once more when it is slow."""
    presses_key_again_percent: float = 15.0
    """Presses the key once more when it is slow."""
    pulls_plug_percent: float = 0.0
    """Pulls the plug when patience is over."""
    plug_out_us: int = 30 * US_PER_SECOND
    """How long the plug stays out."""
    patience_us: int = 75 * US_PER_SECOND
    """How long a customer waits for an answer; each has 0.6 to 1.4 of it."""
    queue_patience_us: int = 5 * US_PER_MINUTE
    """How long a customer waits for their turn."""
    voids_percent: float = 0.0
    """Of those who come to buy, so many have changed their mind about an earlier purchase, and it is voided."""
    refunds_percent: float = 0.0
    """The same for a refund."""
    asks_again_percent: float = 0.0
    """The slip of what was voided or refunded is not torn up, and somebody may come with it once more."""
    voids_settled_percent: float = 0.0
    """The void asked for is of a sale that has been settled."""
    refunds_unsettled_percent: float = 0.0
    """The refund asked for is of a sale that is not settled yet, where a void would have been right."""
    keys_too_much_percent: float = 0.0
    """A refund is keyed with a nought too many."""
    wrong_amount_percent: float = 0.0
    """Keys a wrong amount, notices it on the slip, voids the sale and sells anew."""
    reprints_percent: float = 0.0
    """Before the next customer comes somebody asks for the last slip once more, whatever became of the sale."""
    charges_again_percent: float = 0.0
    """A colleague who did not see that a sale was paid keys it in once more, and takes the card that still lies there."""
    buys_again_percent: float = 0.0
    """Who has just paid buys the same once more, and means it."""
    clears_cache_per_day: float = 0.0
    """How often a day somebody clears the cache, at any moment, in the middle of a sale too."""
    restarts_per_day: float = 0.0
    """How often a day somebody restarts the terminal for no reason that it would know of."""
    bills_above_hold_percent: float = 0.0
    """A guest's bill is beyond 115 % of what was held; it is keyed in whole, and when that is refused as far as the hold goes."""
    completes_again_percent: float = 0.0
    """A colleague who did not see it done completes the same slip once more."""
    completes_voided_percent: float = 0.0
    """A colleague completes the slip of a hold that has just been voided."""
    chip_percent: float = 0.0
    """Of those who come to buy, so many pay with a card whose chip takes part; of the others it is only read what they show."""
    chip_offline_percent: float = 100.0
    """Of those chips, so many approve a small amount without the host where the terminal asks them to."""
    chip_refuses_percent: float = 0.0
    """Of those chips, so many refuse after the host has approved."""
    card_taken_out_percent: float = 0.0
    """Of those cards, so many are taken out before the chip's last word."""
    scans_codes_percent: float = 0.0
    """Of those who pay by code, so many are served by scan-to-pay, where the terminal has it; others' code is read as a card."""
    confirms_codes_percent: float = 10.0
    """Of customers served by scan-to-pay, so many must confirm on the phone."""
    leaves_unconfirmed_percent: float = 5.0
    """Of those who must, so many never do."""
    calls_support_percent: float = 0.0
    """Calls support when the terminal refuses a sale and settling does not help, or is not what it asks for."""
    support_after_us: int = 30 * US_PER_MINUTE
    """How long support takes to find out what is wrong and to act."""
    support_with_log_us: int = 10 * US_PER_MINUTE
    """The same where the terminal keeps an event log that can be read to them."""
    reads_log_per_day: float = 0.0
    """How often a day somebody has the terminal's event log printed, and takes it away."""
    loads_paper_after_us: int = 2 * US_PER_MINUTE
    """How long it takes until somebody puts in a roll of paper."""
    daily_reboot: bool = True
    """Restarts once a day, before opening, as PCI PTS asks for (24-hour reboot)."""
    power_cycles_dead_terminal: bool = True
    """Pulls the plug of a terminal that has not come up for ten minutes."""

    def __post_init__(self) -> None:
        habits = self.settles_on_time_percent + self.settles_late_percent + self.settles_twice_percent
        if habits > 100.0 + 1e-9:
            raise ValueError(f"settles_on_time, settles_late and settles_twice add up to {habits:g} %, more than 100 %")
        when_full = self.when_full_settles_percent + self.when_full_clears_cache_percent
        if when_full > 100.0 + 1e-9:
            raise ValueError(f"when_full_settles and when_full_clears_cache add up to {when_full:g} %, more than 100 %")
        if self.attempts < 1 or self.settlement_tries < 1:
            raise ValueError("attempts and settlement_tries are at least 1")
