"""A shelf of images: many states of one disk, kept for what differs between them.

Models: contents cut into blocks, each kept once however many images have it: a log that grows costs its last block each
time and not its whole length. Directories and modes that did not change are shared as they are.
Does not model: contents that move within a file by less than a block; they are kept again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.storage.image import Image

BLOCK_BYTES = 1024


@dataclass(frozen=True, slots=True)
class ShelvedImage:
    """One image in pieces."""

    files: dict[int, tuple[bytes, ...]]
    directories: dict[int, dict[str, int]]
    modes: dict[int, int]
    links: dict[int, str]
    lost_chains: tuple[int, ...]

    def image(self) -> Image:
        """The image, put together again."""
        files = {number: b"".join(blocks) for number, blocks in self.files.items()}
        return Image(files, self.directories, self.modes, self.links, self.lost_chains)


@dataclass(slots=True)
class Shelf:
    """Takes images in; what it knows already takes no more room."""

    _blocks: dict[bytes, bytes] = field(default_factory=dict)
    _last: ShelvedImage | None = None

    @property
    def held_bytes(self) -> int:
        """What all contents together take."""
        return sum(map(len, self._blocks))

    def put(self, image: Image) -> ShelvedImage:
        """Keep ``image``."""
        keep, last = self._blocks, self._last
        files: dict[int, tuple[bytes, ...]] = {}
        for number, content in image.files.items():
            pieces = (content[at : at + BLOCK_BYTES] for at in range(0, len(content), BLOCK_BYTES))
            blocks = tuple(keep.setdefault(piece, piece) for piece in pieces)
            known = None if last is None else last.files.get(number)
            files[number] = known if known == blocks else blocks
        if last is None:
            shelved = ShelvedImage(files, image.directories, image.modes, image.links, image.lost_chains)
        else:
            shelved = ShelvedImage(
                last.files if files == last.files else files,
                {number: last.directories[number] if last.directories.get(number) == names else names
                 for number, names in image.directories.items()},
                last.modes if last.modes == image.modes else image.modes,
                last.links if last.links == image.links else image.links,
                image.lost_chains,
            )  # fmt: skip
        self._last = shelved
        return shelved
