"""Checks on a volume's inside: its accounts add up, and its op log alone rebuilds what it holds."""

import stat

from harness.storage.contents import VolumeContents, export_volume
from harness.storage.inode import Directory, Inode, RegularFile
from harness.storage.oplog import ROOT_INODE, Link, Rename, SetMode, Truncate, Unlink, Write
from harness.storage.volume import Volume


def reachable(volume: Volume) -> list[Inode]:
    found: dict[int, Inode] = {ROOT_INODE: volume.root}
    queue: list[Inode] = [volume.root]
    for inode in queue:
        if isinstance(inode, Directory):
            for child in inode.entries.values():
                if child.number not in found:
                    found[child.number] = child
                    queue.append(child)
    return list(found.values())


def check_accounts(volume: Volume) -> None:
    """Free blocks and inodes, recounted from the tree and the unlinked files still open."""
    inodes = reachable(volume) + list(volume.orphans.values())
    used_blocks = sum(volume.allocated_blocks(inode) for inode in inodes)
    lost_blocks = sum(volume.blocks_for(size_bytes) for size_bytes in volume.lost_chains)
    assert volume.free_blocks == volume.total_blocks - volume.foreign_blocks - lost_blocks - used_blocks
    extra_links = sum(max(0, inode.links - 1) for inode in inodes if not isinstance(inode, Directory))
    used_inodes = len(inodes) + (extra_links if volume.links_use_inodes else 0)
    assert volume.free_inodes == volume.inode_limit - used_inodes
    for inode in inodes:
        if isinstance(inode, RegularFile):
            assert len(inode.content) <= inode.size_bytes
            have = volume.blocks_for(len(inode.content))
            assert not inode.holes or max(inode.holes) < have - 1


def check_log(volume: Volume) -> None:
    """What the log says happened is what the volume holds."""
    assert replay(volume) == export_volume(volume)


def replay(volume: Volume) -> VolumeContents:
    """Folds the log over an empty tree, in order, with no loss."""
    files: dict[int, bytearray] = {}
    directories: dict[int, dict[str, int]] = {ROOT_INODE: {}}
    modes: dict[int, int] = {ROOT_INODE: volume.root.mode}
    links: dict[int, str] = {}
    for record in volume.log:
        if isinstance(record, Link):
            directories[record.directory][record.name] = record.inode
            modes[record.inode] = record.mode
            if record.created and stat.S_ISDIR(record.mode):
                directories[record.inode] = {}
            elif record.created and stat.S_ISREG(record.mode):
                files[record.inode] = bytearray()
            elif record.target is not None:
                links[record.inode] = record.target
        elif isinstance(record, Unlink):
            assert directories[record.directory].pop(record.name) == record.inode
        elif isinstance(record, Rename):
            assert directories[record.old_directory].pop(record.old_name) == record.inode
            assert directories[record.new_directory].pop(record.new_name, None) == record.replaced_inode
            directories[record.new_directory][record.new_name] = record.inode
        elif isinstance(record, Write):
            content = files[record.inode]
            assert len(content) == record.old_size_bytes
            content.extend(bytes(max(0, record.offset_bytes - len(content))))
            content[record.offset_bytes : record.offset_bytes + len(record.data)] = record.data
        elif isinstance(record, Truncate):
            content = files[record.inode]
            assert len(content) == record.old_size_bytes
            del content[record.size_bytes :]
            content.extend(bytes(record.size_bytes - len(content)))
        elif isinstance(record, SetMode):
            modes[record.inode] = record.mode
    live = _live(directories)
    return VolumeContents(
        {number: bytes(content) for number, content in files.items() if number in live},
        {number: names for number, names in directories.items() if number in live},
        {number: mode for number, mode in modes.items() if number in live},
        {number: target for number, target in links.items() if number in live},
    )


def _live(directories: dict[int, dict[str, int]]) -> set[int]:
    live = {ROOT_INODE}
    queue = [ROOT_INODE]
    for number in queue:
        for child in directories.get(number, {}).values():
            if child not in live:
                live.add(child)
                queue.append(child)
    return live
