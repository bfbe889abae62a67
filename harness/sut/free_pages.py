"""What stands in free pages: content of files that were deleted, replaced or cut short, and not written over before.

Models: deleting a file frees its pages and erases none of them; whoever reads the flash reads them still. Content that was
overwritten in the file before it was deleted is taken for erased, which is the most that software can do. Known is what the op
log still holds, that is the operations since it was folded last (``durability``) or since the last power cut.
Does not model: pages that flash has written over since, old versions that a translation layer keeps of overwritten pages.
Source: PCI DSS 4.0, 3.2.1 (secure deletion); NIST SP 800-88, 2.4 and appendix A (clear by overwriting).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from harness.storage.contents import VolumeImage
from harness.storage.oplog import Link, Op, Rename, Truncate, Unlink, Write


def freed(log: Iterable[Op], files: Mapping[int, bytes], now: VolumeImage) -> Iterator[tuple[str, bytes]]:
    """Name and content of all that ``log`` frees. ``files`` were there before it, by inode; ``now`` is what it has led to."""
    contents: dict[int, bytearray] = {}
    alive = now.files
    names = {inode: name for entries in now.directories.values() for name, inode in entries.items()}
    for op in log:
        if isinstance(op, Link):
            names[op.inode] = op.name
        elif isinstance(op, Write):
            held = _content(contents, files, op.inode)
            held.extend(bytes(max(0, op.offset_bytes - len(held))))
            held[op.offset_bytes : op.offset_bytes + len(op.data)] = op.data
        elif isinstance(op, Truncate):
            held = _content(contents, files, op.inode)
            if op.size_bytes < len(held):
                yield names.get(op.inode, ""), bytes(held[op.size_bytes :])
            held.extend(bytes(max(0, op.size_bytes - len(held))))
            del held[op.size_bytes :]
        elif isinstance(op, Unlink) and op.inode not in alive:
            yield op.name, bytes(_content(contents, files, op.inode))
        elif isinstance(op, Rename):
            if op.replaced_inode is not None and op.replaced_inode not in alive:
                yield op.new_name, bytes(_content(contents, files, op.replaced_inode))
            names[op.inode] = op.new_name


def _content(contents: dict[int, bytearray], files: Mapping[int, bytes], inode: int) -> bytearray:
    held = contents.get(inode)
    if held is None:
        held = contents[inode] = bytearray(files.get(inode, b""))
    return held
