"""What the device is doing, as the first part of the causal keys of its decisions.

``T03/a17`` during action 17, ``T03/idle17`` between it and the next, ``T03/idle`` before the first, ``T03/a17+18`` when
action 18 came and went while 17 was still under way. A scope that was left never comes back, so keys never repeat.
"""

from harness.network.lane import Keys


class Scope:
    """Follows one device's actions, over all its boots."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._last: int | None = None
        self._keys = Keys(f"{device}/idle")
        self.name = self._keys.scope
        """The scope now."""

    def current(self) -> Keys:
        """Keys of the scope now."""
        return self._keys

    def changed(self, current: int | None, last: int | None) -> None:
        """The action under way and the action handed over last, of this boot, are now these."""
        if last is not None:
            self._last = last
        if current is None:
            name = f"{self._device}/idle" if self._last is None else f"{self._device}/idle{self._last}"
        elif current == self._last:
            name = f"{self._device}/a{current}"
        else:
            name = f"{self._device}/a{current}+{self._last}"
        if name != self._keys.scope:
            self._keys = Keys(name)
            self.name = name
