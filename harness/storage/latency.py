"""What a storage call costs in virtual time, by medium.

Models: a base cost a call, a cost a KiB moved, write-back paid at the barrier that needs it, slowing down as the medium
fills (garbage collection on flash that has few erased blocks left).
Does not model: a page cache that makes second reads cheap, write-back in the background, contention between volumes,
variance (a run draws that as a fault). CPU time is not modelled at all.
Source: each table names its data sheet class; figures marked "assumption" have none that could be checked.
"""

from dataclasses import dataclass

BYTES_PER_KIB = 1024


@dataclass(frozen=True, slots=True)
class LatencyModel:
    """Microseconds a call of each kind, and a KiB. All whole numbers: virtual time is integer microseconds."""

    read_us: int = 0
    read_us_per_kib: int = 0
    write_us: int = 0
    write_us_per_kib: int = 0
    metadata_us: int = 0
    barrier_us: int = 0
    barrier_us_per_dirty_kib: int = 0
    slows_from_fill_percent: int = 100
    full_slowdown_percent: int = 100

    def __post_init__(self) -> None:
        if not 0 <= self.slows_from_fill_percent <= 100:
            raise ValueError(f"slows_from_fill_percent is {self.slows_from_fill_percent}; it must lie in 0..100")
        if self.full_slowdown_percent < 100:
            raise ValueError(f"full_slowdown_percent is {self.full_slowdown_percent}; 100 means no slowdown")

    def cost_us(self, kind: str, byte_count: int, dirty_bytes: int, fill_percent: int) -> int:
        """What one call of this kind costs on a volume filled to ``fill_percent``."""
        if kind == "write":
            cost = self.write_us - (-byte_count * self.write_us_per_kib // BYTES_PER_KIB)  # rounded up, as below
        elif kind == "read":
            cost = self.read_us - (-byte_count * self.read_us_per_kib // BYTES_PER_KIB)
        elif kind in ("fsync", "fdatasync", "sync"):
            cost = self.barrier_us - (-dirty_bytes * self.barrier_us_per_dirty_kib // BYTES_PER_KIB)
        else:
            cost = self.metadata_us
        if fill_percent <= self.slows_from_fill_percent:
            return cost
        return cost * self.slowdown_percent(fill_percent) // 100

    def slowdown_percent(self, fill_percent: int) -> int:
        """100 up to the fill level where slowing starts, then rising linearly to the full figure."""
        above = min(fill_percent, 100) - self.slows_from_fill_percent
        if above <= 0:
            return 100
        span = 100 - self.slows_from_fill_percent
        return 100 + (self.full_slowdown_percent - 100) * above // span


# eMMC 5.x, entry class: about 80 MB/s read and 15 MB/s sequential write through the file system; a cache flush of some
# milliseconds is an assumption (data sheets give throughput only). Slowing above 85 % full: assumption.
EMMC = LatencyModel(
    read_us=100,
    read_us_per_kib=12,
    write_us=5,
    metadata_us=20,
    barrier_us=2_000,
    barrier_us_per_dirty_kib=65,
    slows_from_fill_percent=85,
    full_slowdown_percent=400,
)

# SLC NAND under UBIFS or YAFFS2: 25 us page read, 200 us page program of 2 KiB, 1.5-2 ms erase of 128 KiB (K9F1G08U0
# class data sheets): 100 us a KiB programmed and 15 us a KiB erased. Slowing above 80 % full: assumption.
SLC_NAND = LatencyModel(
    read_us=25,
    read_us_per_kib=35,
    write_us=5,
    metadata_us=30,
    barrier_us=400,
    barrier_us_per_dirty_kib=115,
    slows_from_fill_percent=80,
    full_slowdown_percent=600,
)

# SPI NOR under JFFS2 or LittleFS: page program 0.7 ms a 256 B page, 45 ms erase of 4 KiB, typical (W25Q128 class data
# sheets): 2,800 us a KiB programmed and 11,250 us a KiB erased; written through, so the write itself pays.
SPI_NOR = LatencyModel(
    read_us=10,
    read_us_per_kib=80,
    write_us=50,
    write_us_per_kib=14_050,
    metadata_us=1_500,
    barrier_us=50,
    slows_from_fill_percent=75,
    full_slowdown_percent=500,
)

# SD card on a FAT volume: 10 MB/s class 10 sequential write; random write of a cluster costs tens of milliseconds on
# cheap cards (assumption: 10 ms a flush).
SD_CARD = LatencyModel(
    read_us=500,
    read_us_per_kib=50,
    write_us=5,
    metadata_us=50,
    barrier_us=10_000,
    barrier_us_per_dirty_kib=100,
    slows_from_fill_percent=90,
    full_slowdown_percent=300,
)

# Battery-backed RAM or FRAM on a bus: FRAM writes at bus speed (1 MHz I2C: about 9 ms a KiB; MB85RC class).
FRAM = LatencyModel(read_us=50, read_us_per_kib=9_000, write_us=50, write_us_per_kib=9_000)

MEDIA = {"emmc": EMMC, "slc-nand": SLC_NAND, "spi-nor": SPI_NOR, "sd-card": SD_CARD, "fram": FRAM}
