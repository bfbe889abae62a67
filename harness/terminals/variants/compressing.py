"""The reference with compressed records: older ones of the open batch are packed on the same volume, card numbers as ciphertext.

Models: compression by segments that are written once and never again, so that a crash in it finds the records where they were;
the PIN pad's ciphertext of each card number, which is all of the card that is kept, goes in as it is. Does not model: a key
of its own for the archive. Source: the field articles (加密与压缩), which put the ratio at 0.4.
"""

from __future__ import annotations

from dataclasses import replace

from harness.terminals.variants.tiered import Tiered, TieredStore


class CompressingStore(TieredStore):
    """A store whose archive is compressed."""

    compresses = True


class Compressing(Tiered):
    """See the module's first lines."""

    manifest = replace(Tiered.manifest, name="compressing", damage_scope=None)
    tiered_class = CompressingStore

    def archive_directory(self, directory: str) -> str:
        return directory
