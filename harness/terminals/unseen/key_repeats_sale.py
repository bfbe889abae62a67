"""Defect: the state of a sale is not left when it ends: a key pressed in the next seconds makes the same sale once more.

The customer pays twice for one purchase. Shows when an impatient hand presses the key again.
"""

from __future__ import annotations

import time

from harness.contract import Action, CardData, Event, KeyPressed, Outcome
from harness.terminals.reference import ReferenceTerminal

_STATE_LASTS_S = 10.0


class KeyRepeatsSale(ReferenceTerminal):
    """See the module's first lines."""

    _last: tuple[Action, CardData, float] | None = None
    _card: CardData | None = None

    def read_card(self) -> CardData | Outcome:
        card = super().read_card()
        self._card = card if isinstance(card, CardData) else None
        return card

    def sale(self, action: Action) -> Outcome:
        self._card = None
        outcome = super().sale(action)
        self._last = None if self._card is None else (action, self._card, time.monotonic())
        return outcome

    def other_event(self, event: Event) -> None:
        super().other_event(event)
        if not isinstance(event, KeyPressed) or event.key in ("cancel", "menu") or self._last is None:
            return
        action, card, ended_s = self._last
        self._last = None
        if time.monotonic() - ended_s < _STATE_LASTS_S and self.admission(action) is None:
            self.conduct(self.compose("sale", action, card.pan, card), card, card.pan)
