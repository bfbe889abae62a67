"""Message authentication codes of card messages: UnionPay's ECB MAC and ANSI X9.19.

Models the two calculations, keyed objects kept: ``mac = UnionPayEcbMac(mak); mac(data) -> 8 bytes``. Does not model
DUKPT or AES CMAC. Sources: UnionPay POS specification's ECB algorithm as public terminal code implements it; ANSI X9.19
= ISO/IEC 9797-1 MAC algorithm 3 with DES and padding method 1.
"""

from harness.iso8583.des import BLOCK_SIZE, BlockCipher, CbcChain, zero_padded

_BLOCK_MASK = (1 << 64) - 1
_REMEMBERED_MAX = 16  # who sends a message and who checks it do the same sum, one shortly after the other


def xor_blocks(data: bytes) -> int:
    """All 8-byte blocks of ``data`` (zero padded) combined by exclusive or.

    The data is folded in halves as one big number: ten operations for a kilobyte instead of one for each block.
    """
    length_bits = len(data) * 8
    size_bits = 64
    while size_bits < length_bits:
        size_bits *= 2
    folded = int.from_bytes(data, "big") << (size_bits - length_bits)
    while size_bits > 64:
        size_bits >>= 1
        # What stays behind above ``size_bits`` never comes down again: one mask at the end is enough.
        folded ^= folded >> size_bits
    return folded & _BLOCK_MASK


_remembered: dict[tuple[bytes, bytes], bytes] = {}
"""MACs by key and data, the oldest forgotten first."""


class UnionPayEcbMac:
    """UnionPay's ECB MAC; a key of 8 bytes uses DES, one of 16 bytes Triple DES.

    The 8-byte blocks are combined by exclusive or and written as 16 hexadecimal characters. The first 8 characters are
    encrypted, combined with the last 8 and encrypted again; the first 8 hexadecimal characters of that are the MAC.
    """

    def __init__(self, key: bytes) -> None:
        self._encrypt = BlockCipher(key).encrypt
        self._key = bytes(key)

    def __call__(self, data: bytes) -> bytes:
        """The MAC of ``data``: 8 ASCII characters."""
        asked = (self._key, bytes(data))
        mac = _remembered.get(asked)
        if mac is None:
            mac = self._mac(data)
            if len(_remembered) >= _REMEMBERED_MAX:
                del _remembered[next(iter(_remembered))]
            _remembered[asked] = mac
        return mac

    def _mac(self, data: bytes) -> bytes:
        text = b"%016X" % xor_blocks(data)
        first = int.from_bytes(self._encrypt(text[:8]), "big") ^ int.from_bytes(text[8:], "big")
        return self._encrypt(first.to_bytes(BLOCK_SIZE, "big"))[:4].hex().upper().encode()


class X919Mac:
    """ANSI X9.19 retail MAC with a key of 16 bytes: DES CBC with the left half, last block decrypted and encrypted."""

    def __init__(self, key: bytes) -> None:
        if len(key) != 2 * BLOCK_SIZE:
            raise ValueError(f"an X9.19 key has 16 bytes, not {len(key)}")
        self._chain = CbcChain(key[:8])
        self._left, self._right = BlockCipher(key[:8]), BlockCipher(key[8:])

    def __call__(self, data: bytes) -> bytes:
        """The MAC of ``data``: 8 bytes."""
        return self._left.encrypt(self._right.decrypt(self._chain.last_block(zero_padded(data))))
