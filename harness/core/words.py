"""Words that hang on a number."""

from __future__ import annotations


def several(count: int, what: str, many: str | None = None) -> str:
    """``1 run``, ``1,234 runs``; ``many`` where an s does not do."""
    return f"{count:,} {what if count == 1 else many or f'{what}s'}"


def shortened(text: str, characters_max: int) -> str:
    """``text``, or its beginning with a sign that there is more."""
    return text if len(text) <= characters_max else f"{text[: characters_max - 1].rstrip()}…"
