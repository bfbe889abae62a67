"""What a device and the software on it show and do: screens, slips, power, boots, storage, memory, and card data found."""

from harness.history.events.base import Event


class ScreenShown(Event, frozen=True):
    """``kind`` is a contract.ScreenKind; what the customer sees at this instant."""

    device: str
    action: int | None
    kind: str
    text: str
    amount_fen: int | None = None
    stan: str | None = None
    batch: str | None = None


class ReceiptPrinted(Event, frozen=True):
    """``kind`` is a contract.ReceiptKind; ``duplicate`` for a reprint."""

    device: str
    action: int | None
    kind: str
    text: str
    amount_fen: int | None = None
    stan: str | None = None
    batch: str | None = None
    duplicate: bool = False
    debit_count: int | None = None
    debit_fen: int | None = None
    credit_count: int | None = None
    credit_fen: int | None = None


class PowerLost(Event, frozen=True):
    """The device is off from here on; what is on its volumes is told by the next events."""

    device: str
    cause: str


class StorageAfterPowerLoss(Event, frozen=True):
    """What a volume kept: operations that had not been made durable and were lost or torn, in words.

    ``unsurvivable`` are invariants that no software could keep after what the medium did in this cut.
    """

    device: str
    volume: str
    pending: int
    lost: int
    torn: int
    details: tuple[str, ...] = ()
    unsurvivable: tuple[int, ...] = ()


class Booted(Event, frozen=True):
    """Power came on and the software was started; ``boot`` counts from 1."""

    device: str
    boot: int


class SoftwareReady(Event, frozen=True):
    """The software waits for its first event after a boot."""

    device: str
    boot: int


class SoftwareDied(Event, frozen=True):
    """``reason`` is one of exception, out_of_memory, returned, spinning, contract."""

    device: str
    reason: str
    detail: str


class SoftwareLogged(Event, frozen=True):
    """A line the software printed; bounded in length and number, card numbers masked."""

    device: str
    text: str


class ProbeReached(Event, frozen=True):
    """The software has come to a place that it marks (``device.probe``)."""

    device: str
    name: str


class MemorySampled(Event, frozen=True):
    """``software_bytes`` is what the census found reachable; ``leaked_bytes`` an injected leak on top."""

    device: str
    software_bytes: int
    leaked_bytes: int
    budget_bytes: int
    transactions: int


class StorageFailed(Event, frozen=True):
    """A storage call returned an error to the software; ``errno`` is its name, such as ENOSPC."""

    device: str
    operation: str
    path: str
    errno: str
    ordinal: int


class Barrier(Event, frozen=True):
    """An fsync, directory fsync or sync returned success; ``ordinal`` counts the disk's storage operations."""

    device: str
    volume: str
    kind: str
    path: str
    ordinal: int


class SpaceMeasured(Event, frozen=True):
    """Free space of a volume at ``when``: installed, before_settlement, after_settlement, end.

    ``said_full``: when the software said that its storage is full; ``fill_level``: after an action that took the data volume
    over 10, 50, 90 or 99 % or back. These two count foreign bytes as used, the others as free.
    """

    device: str
    volume: str
    free_bytes: int
    total_bytes: int
    when: str


class SecretFound(Event, frozen=True):
    """Card data of a customer, found where it must not be kept or shown. Found as that very secret, not by its look alone.

    ``kind``: track_data, pin_block, card_number or hash_beside_truncated. ``where``: file, file_name, free_page, nvram, log,
    receipt or screen; ``path`` and ``offset`` are its place there, ``pan`` is masked, ``token`` names the presentation.
    ``when``: shown, or the search that found it (see SecretsSought).
    """

    device: str
    kind: str
    where: str
    path: str
    offset: int
    pan: str
    token: str
    when: str


class SecretsSought(Event, frozen=True):
    """All that a device keeps was searched for card data of its latest ``presentations``, of which ``found`` were found.

    ``when``: after_settlement, after_power_loss (what the next boot mounts, before the software has run), end.
    """

    device: str
    when: str
    presentations: int
    searched_bytes: int
    found: int
