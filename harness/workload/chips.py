"""What the chips of customers' cards will do, as far as habits of the scenario say.

Models: cards with and without a chip that takes part, chips that approve small amounts without the host, chips that refuse after
the host has approved, cards that their owners take out too early. Does not model: one card that behaves alike at each showing.
Source: domain notes 1.2 (ONLINE_CARD_DENIED); shares are the scenario's, and none without it.
"""

from __future__ import annotations

from dataclasses import replace

from harness.contract import CardData
from harness.device.chip import Chip
from harness.workload.cards import presentation
from harness.workload.till import Till


def shown(card_choice: float, by_code: bool, token: str, chip: Chip | None) -> tuple[CardData, Chip | None]:
    """What the reader gets from one showing of a card, and the chip behind it."""
    card = presentation(card_choice, by_code, token)
    return (card, None) if chip is None else (replace(card, chip=True), replace(chip, token=token))


def drawn_chip(till: Till, occasion: str) -> Chip:
    """What a card's chip will do that is shown now."""
    habits = till.behaviour
    return Chip(
        "",
        approves_offline=till.happens(habits.chip_offline_percent, f"{occasion}/chip_offline"),
        refuses=till.happens(habits.chip_refuses_percent, f"{occasion}/chip_refuses"),
        taken_out=till.happens(habits.card_taken_out_percent, f"{occasion}/card_taken_out"),
    )
