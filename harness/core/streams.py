"""Randomness by name: the seed and a path of names give a number or a generator of their own.

Models: independent streams, so that adding a fault or a message never shifts what another part of the world draws.
Does not model: anything cryptographic.
"""

import random
from hashlib import blake2b

from harness.core.errors import UsageError

_STEP = 2.0**-53  # a power of two: multiplying by it is as exact as dividing by its inverse
_SEED_BYTES = 16


class Streams:
    """Every random value of a run, addressed by name. The same seed and name give the same value on every machine."""

    __slots__ = ("_keyed", "seed")

    def __init__(self, seed: int) -> None:
        """UsageError for a seed that does not fit."""
        if not -(1 << (8 * _SEED_BYTES - 1)) <= seed < 1 << (8 * _SEED_BYTES - 1):
            raise UsageError(f"seed {seed} is too large; a seed has at most {8 * _SEED_BYTES - 1} bits")
        self.seed = seed
        # The key is a whole block of input to the hash: it is taken in once, and the state copied for each name.
        self._keyed = blake2b(digest_size=8, key=seed.to_bytes(_SEED_BYTES, "big", signed=True))

    def bits(self, name: str) -> int:
        """64 bits that depend on the seed and ``name`` alone."""
        hashed = self._keyed.copy()
        hashed.update(name.encode())
        return int.from_bytes(hashed.digest(), "big")

    def uniform(self, name: str) -> float:
        """A float in [0, 1) that depends on the seed and ``name`` alone."""
        hashed = self._keyed.copy()
        hashed.update(name.encode())
        return (int.from_bytes(hashed.digest(), "big") >> 11) * _STEP

    def generator(self, *names: str) -> random.Random:
        """A generator of one's own, for code that needs many draws in a row (about 5 us to make)."""
        return random.Random(self.bits("/".join(names)))
