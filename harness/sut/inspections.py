"""Inspections remembered: what ``inspect`` answered for an image is its answer for every equal image.

Models: the contract: ``inspect`` is given an image, no device, a clock that stands and the same chance each time, and must not
change anything; so equal images have equal answers. An error, garbage and an answer that could change afterwards (lists in
place of tuples) are not remembered: software that breaks the contract there is asked each time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b

from harness.contract import Inspection

IMAGES_MAX = 20_000
"""A few hundred bytes each; once so many are known, all are forgotten and it begins anew."""


class Inspections:
    """Answers by digest of the image."""

    def __init__(self) -> None:
        self._known: dict[bytes, Inspection] = {}

    def of(
        self, image: Mapping[str, bytes], look: Callable[[Mapping[str, bytes]], Inspection | None]
    ) -> Inspection | None:
        """What ``look`` answers for ``image``, asked only when no equal image was looked at before."""
        key = digest(image)
        known = self._known.get(key)
        if known is not None:
            return known
        found = look(image)
        if found is not None and _stays(found):
            if len(self._known) >= IMAGES_MAX:
                self._known.clear()
            self._known[key] = found
        return found


def _stays(found: object) -> bool:
    """Whether an answer is one, and cannot change any more."""
    return type(found) is Inspection and type(found.records) is tuple and type(found.pending_reversals) is tuple


def digest(image: Mapping[str, bytes]) -> bytes:
    """Of names and contents, in order of names."""
    whole = blake2b(digest_size=16)
    for path, content in image.items():
        name = path.encode("utf-8", "surrogateescape")
        whole.update(b"%d,%d:" % (len(name), len(content)))
        whole.update(name)
        whole.update(content)
    return whole.digest()
