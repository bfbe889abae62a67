"""One ISO 8583 message as a program sees it: a message type and numbered fields."""

from collections.abc import Iterator

FieldValue = str | bytes

# Never shown whole, whoever prints the message: PAN, expiry, tracks, PIN block, ICC data, keys, original PANs.
HIDDEN_FIELDS = frozenset({14, 35, 36, 45, 48, 52, 55, 62})


def mask_pan(pan: str) -> str:
    """First six and last four digits (PCI DSS 3.4); anything too short to hide six digits is hidden whole.

    >>> mask_pan("6222021234567890")
    '622202******7890'
    """
    if len(pan) < 13:
        return "*" * len(pan)
    return pan[:6] + "*" * (len(pan) - 10) + pan[-4:]


class Message:
    """MTI and fields. Text fields are ``str``, binary fields (kind ``b``) are ``bytes``.

    >>> request = Message("0200", {3: "000000", 4: "000000001500"})
    >>> request[11] = "000042"
    >>> request.text(4), request.text(39, "none"), 52 in request
    ('000000001500', 'none', False)
    """

    __slots__ = ("fields", "mti")

    def __init__(self, mti: str, fields: dict[int, FieldValue] | None = None) -> None:
        self.mti = mti
        self.fields: dict[int, FieldValue] = {} if fields is None else fields

    def __getitem__(self, number: int) -> FieldValue:
        return self.fields[number]

    def __setitem__(self, number: int, value: FieldValue) -> None:
        self.fields[number] = value

    def __delitem__(self, number: int) -> None:
        del self.fields[number]

    def __contains__(self, number: object) -> bool:
        return number in self.fields

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self.fields))

    def __len__(self) -> int:
        return len(self.fields)

    def text(self, number: int, default: str | None = None) -> str:
        """The field as text; ``default`` (or KeyError) when absent, TypeError when it is binary."""
        value = self.fields.get(number, default)
        if isinstance(value, str):
            return value
        if value is None:
            raise KeyError(f"DE{number} is not in this {self.mti} message")
        raise TypeError(f"DE{number} is binary; use binary({number})")

    def binary(self, number: int, default: bytes | None = None) -> bytes:
        """The field as bytes; ``default`` (or KeyError) when absent, TypeError when it is text."""
        value = self.fields.get(number, default)
        if isinstance(value, bytes):
            return value
        if value is None:
            raise KeyError(f"DE{number} is not in this {self.mti} message")
        raise TypeError(f"DE{number} is text; use text({number})")

    def copy(self) -> "Message":
        """An independent message with the same fields."""
        return Message(self.mti, dict(self.fields))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Message):
            return NotImplemented
        return self.mti == other.mti and self.fields == other.fields

    __hash__ = None  # type: ignore[assignment]  # mutable, so it must not be a key

    def __repr__(self) -> str:
        """Fields in order; card numbers masked, secrets shown as a length (safe in logs and in test failures)."""
        shown = (f"{number}: {_display(number, self.fields[number])}" for number in sorted(self.fields))
        return f"Message({self.mti!r}, {{{', '.join(shown)}}})"


def _display(number: int, value: FieldValue) -> str:
    if number == 2 and isinstance(value, str):
        return repr(mask_pan(value))
    if number in HIDDEN_FIELDS:
        return f"<{len(value)} {'bytes' if isinstance(value, bytes) else 'characters'}>"
    return repr(value)
