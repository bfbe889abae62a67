"""Single and Triple DES blocks with the keyed object kept, on the `cryptography` package.

Card payment keys are 8, 16 or 24 bytes. OpenSSL offers Triple DES alone, so a short key is repeated: K|K|K is single
DES and K1|K2|K1 two-key Triple DES. DES is obsolete and stays here because the wire format of the trade demands it.
"""

from collections.abc import Callable
from functools import lru_cache

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

BLOCK_SIZE = 8
_KEYS_REMEMBERED = 256  # making a context costs more than ten blocks


def expand_key(key: bytes) -> bytes:
    """The 24-byte key that means the same as ``key`` of 8, 16 or 24 bytes."""
    if len(key) == 8:
        return key * 3
    if len(key) == 16:
        return key + key[:8]
    if len(key) == 24:
        return key
    raise ValueError(f"a DES key has 8, 16 or 24 bytes, not {len(key)}")


Update = Callable[[bytes], bytes]


@lru_cache(maxsize=_KEYS_REMEMBERED)
def _contexts(key: bytes) -> tuple[Update, Update]:
    cipher = Cipher(TripleDES(expand_key(key)), modes.ECB())
    return cipher.encryptor().update, cipher.decryptor().update


class BlockCipher:
    """ECB on whole blocks. The OpenSSL context has no state between blocks, so one serves everybody with that key."""

    def __init__(self, key: bytes) -> None:
        self.encrypt, self.decrypt = _contexts(bytes(key))


class CbcChain:
    """CBC over whole messages, each from a zero initial vector, on one kept context.

    A running CBC context continues from its last ciphertext block; adding that block to the next message's first one
    cancels it, which is the same as starting from zero and saves building a context for every message.
    """

    def __init__(self, key: bytes) -> None:
        self._update = Cipher(TripleDES(expand_key(key)), modes.CBC(bytes(BLOCK_SIZE))).encryptor().update
        self._last = 0

    def last_block(self, data: bytes) -> bytes:
        """The last ciphertext block of ``data``, which must be whole blocks and not empty."""
        first = int.from_bytes(data[:BLOCK_SIZE], "big") ^ self._last
        block = self._update(first.to_bytes(BLOCK_SIZE, "big") + data[BLOCK_SIZE:])[-BLOCK_SIZE:]
        self._last = int.from_bytes(block, "big")
        return block


def zero_padded(data: bytes) -> bytes:
    """``data`` filled up with zero bytes to whole blocks, at least one (ISO/IEC 9797-1 padding method 1)."""
    size = max(BLOCK_SIZE, -(-len(data) // BLOCK_SIZE) * BLOCK_SIZE)
    return data.ljust(size, b"\0")
