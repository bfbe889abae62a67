"""What the host remembers of one terminal: who it is, its keys, and its batches."""

from dataclasses import dataclass, field, replace
from hashlib import blake2b

from harness.host.batch import Batch, Capture

BATCH_NUMBER_MAX = 999_999


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """The clear working keys of a session. Without ``repr``: keys belong in no log."""

    pin_key: bytes
    mac_key: bytes
    track_key: bytes | None = None


@dataclass(slots=True)
class Session:
    """One registered terminal. ``batch`` is the number of the batch that takes new transactions."""

    tid: str
    mid: str
    device: str
    master_key: bytes = field(repr=False)
    batch: str = "000001"
    keys: Keys | None = None
    key_generation: int = 0
    signed_on: bool = False
    batches: dict[str, Batch] = field(default_factory=dict)
    was_in_service: bool = False
    """It traded before the run, and how is not known here: a reversal in an unknown batch is answered 25, not 77."""
    adopts_batch: bool = False
    """Nothing is known of its batch: the first number that it names is taken for the right one."""
    capture: Capture = "host"
    """Whose record is the money: the host's own entries, or what the terminal uploads."""

    def __post_init__(self) -> None:
        self.batches.setdefault(self.batch, self.new_batch(self.batch))

    def new_batch(self, number: str) -> Batch:
        """An empty batch of this terminal."""
        return Batch(self.tid, self.device, number, capture=self.capture)

    def copy(self) -> "Session":
        """An independent session; keys are frozen and shared."""
        return replace(self, batches={number: batch.copy() for number, batch in self.batches.items()})

    @property
    def current(self) -> Batch:
        """The batch that takes new transactions."""
        return self.batches[self.batch]

    def adopt(self, batch: str) -> None:
        """Take the terminal's word for the number of its open batch, once; 000000 is no number."""
        if self.adopts_batch and batch.strip("0"):
            self.adopts_batch = False
            self.batch = batch
            self.batches = {batch: self.new_batch(batch)}

    def start_next_batch(self) -> None:
        """Go on to the next number (999999 is followed by 1) unless the current batch is still open."""
        if self.current.phase != "closed":
            return
        number = int(self.batch) % BATCH_NUMBER_MAX + 1
        self.batch = f"{number:06d}"
        self.batches[self.batch] = self.new_batch(self.batch)


class KeyFactory:
    """Working keys that depend on the seed, the terminal and how often it has signed on, and on nothing else."""

    def __init__(self, seed: bytes) -> None:
        self._seed = blake2b(seed, digest_size=32).digest()

    def __call__(self, tid: str, generation: int, use: str, size: int) -> bytes:
        """``size`` bytes for one ``use``, each byte with odd parity as DES keys have."""
        drawn = blake2b(f"{tid}/{generation}/{use}".encode(), digest_size=size, key=self._seed).digest()
        return bytes(byte & 0xFE | (bin(byte >> 1).count("1") + 1) % 2 for byte in drawn)
