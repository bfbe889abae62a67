"""Flash as it wears: erase blocks, program units, rated endurance, and blocks put aside for those that go bad.

Models: the geometry that decides how fast a volume ages and how much it loses with one block. Does not model: ageing itself
(``storage/wear``), or where on the medium a file lies.
Source: K9F1G08U0 class SLC NAND (2 KiB page, 128 KiB block, 100,000 cycles), W25Q128 class SPI NOR (256 B page, 4 KiB sector,
100,000 cycles), Linux CONFIG_MTD_UBI_BEB_LIMIT (20 of 1,024 blocks put aside); eMMC and SD: consumer MLC and TLC, 3,000 and
1,000 cycles; their group sizes and spare shares are assumptions, as data sheets keep them quiet.
"""

from dataclasses import dataclass

from harness.storage.latency import BYTES_PER_KIB


@dataclass(frozen=True, slots=True)
class Flash:
    """Geometry and rating of one medium. ``program_bytes`` is the least that one write to the medium costs."""

    erase_block_bytes: int
    program_bytes: int
    endurance_cycles: int
    spare_permille: int = 0
    """Blocks put aside, beyond the volume's size, of a thousand."""

    def __post_init__(self) -> None:
        if not 1 <= self.program_bytes <= self.erase_block_bytes:
            raise ValueError(f"program_bytes is {self.program_bytes}; it must lie in 1..{self.erase_block_bytes}")
        if self.endurance_cycles < 1:
            raise ValueError(f"endurance_cycles is {self.endurance_cycles}; it must be 1 or more")


FLASH: dict[str, Flash] = {
    "emmc": Flash(512 * BYTES_PER_KIB, 4 * BYTES_PER_KIB, 3_000, 70),
    "slc-nand": Flash(128 * BYTES_PER_KIB, 2 * BYTES_PER_KIB, 100_000, 20),
    "spi-nor": Flash(4 * BYTES_PER_KIB, 256, 100_000),
    "sd-card": Flash(4096 * BYTES_PER_KIB, 16 * BYTES_PER_KIB, 1_000, 20),
}
"""By name of the medium; what is not here (battery-backed RAM) does not wear."""
