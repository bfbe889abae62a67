"""Card numbers in artefacts: first six and last four digits at most (PCI DSS 3.4)."""

import re

_PAN = re.compile(r"(?<!\d)\d{13,19}(?!\d)")
_LONG_NUMBER = re.compile(r"\d{13}")


def mask_pan(pan: str) -> str:
    """``pan`` with all but the first six and last four digits starred; short numbers are starred whole."""
    if len(pan) < 13:
        return "*" * len(pan)
    return pan[:6] + "*" * (len(pan) - 10) + pan[-4:]


def mask_text(text: str) -> str:
    """``text`` from terminal software with everything that looks like a card number masked."""
    if _LONG_NUMBER.search(text) is None:
        return text  # without looking behind and ahead at every digit
    return _PAN.sub(lambda found: mask_pan(found.group()), text)
