"""What the codec says when bytes or values do not fit the specification.

Both errors can be rebuilt from ``args`` (simulators re-raise across processes that way), and neither repeats the data
it found: a field may hold a card number, so only the offending character or a length is quoted.
"""


class CodecError(ValueError):
    """A message, frame, key block or track does not fit its specification."""


class DecodeError(CodecError):
    """Received bytes do not fit: which element, at which byte offset, what was expected there and what was found."""

    def __init__(self, element: str, offset: int, expected: str, found: str) -> None:
        super().__init__(element, offset, expected, found)
        self.element = element
        self.offset = offset
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        return f"{self.element} at byte {self.offset}: expected {self.expected}, found {self.found}"


class EncodeError(CodecError):
    """A value cannot be sent: which element, what its specification asks for and what was given."""

    def __init__(self, element: str, expected: str, found: str) -> None:
        super().__init__(element, expected, found)
        self.element = element
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        return f"{self.element}: expected {self.expected}, found {self.found}"


class SpecError(CodecError):
    """A field or message specification contradicts itself."""
