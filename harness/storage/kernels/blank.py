"""Freshly made file systems, as the packages' mkfs leaves them: small images shipped compressed, so that no mkfs is needed.

How each was made is in ``blank/README.md``.
"""

import lzma
from functools import cache
from pathlib import Path

from harness.storage.kernels.block_log import PAGE_BYTES, Pages

FOLDER = Path(__file__).with_name("blank")
_CHUNK_PAGES = 256
_ZEROS = bytes(PAGE_BYTES)


def blank_path(file_system: str) -> Path:
    return FOLDER / f"{file_system}.img.xz"


@cache
def load_blank(file_system: str) -> tuple[Pages, int]:
    """The image's pages that are not zero, and its size in bytes."""
    pages: dict[int, bytes] = {}
    size_bytes = 0
    with lzma.open(blank_path(file_system)) as file:
        while chunk := file.read(_CHUNK_PAGES * PAGE_BYTES):
            for start in range(0, len(chunk), PAGE_BYTES):
                page = chunk[start : start + PAGE_BYTES]
                if page != _ZEROS:
                    pages[(size_bytes + start) // PAGE_BYTES] = page
            size_bytes += len(chunk)
    return pages, size_bytes
