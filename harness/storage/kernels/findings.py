"""What a check of one file system found, as it crosses from the worker process."""

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """A state that the profile does not allow, with what is needed to see it again."""

    seed: int
    event_count: int
    in_order: bool
    story: str


class Tally(msgspec.Struct):
    """Counts of one file system; tallies add up."""

    file_system: str
    profile: str
    copies: int = 0
    allowed: int = 0
    not_allowed: int = 0
    undecided: int = 0
    # The file system could not be mounted, or not be read in full.
    damaged: int = 0
    states: set[str] = msgspec.field(default_factory=set)
    # For each thing the profile lets happen: in how many states nothing else explains what was seen.
    needed: dict[str, int] = msgspec.field(default_factory=dict)
    findings: list[Finding] = msgspec.field(default_factory=list)
    skipped: str = ""
    # The check itself failed before its end, for this reason: what it had counted by then stands.
    broke_off: str = ""

    @property
    def failed(self) -> bool:
        return bool(self.not_allowed or self.damaged or self.undecided)

    @property
    def never_seen(self) -> list[str]:
        return [rule for rule, count in self.needed.items() if not count]

    def summary(self) -> "Summary":
        return Summary(
            self.file_system, self.profile, self.skipped, self.copies, len(self.states), self.not_allowed, self.undecided,
            self.damaged, self.never_seen, [f"seed {each.seed}, {each.event_count} events" for each in self.findings],
            self.broke_off,
        )  # fmt: skip

    def add(self, other: "Tally") -> None:
        self.copies += other.copies
        self.allowed += other.allowed
        self.not_allowed += other.not_allowed
        self.undecided += other.undecided
        self.damaged += other.damaged
        self.states |= other.states
        for rule, count in other.needed.items():
            self.needed[rule] = self.needed.get(rule, 0) + count
        self.findings += other.findings


class Request(msgspec.Struct, frozen=True):
    """What a worker is asked for: programs from these seeds, so many cuts of each."""

    file_system: str
    first_seed: int
    seeds: int
    cuts: int
    operations: int = 12
    # Instead of the file system's own.
    profile: str = ""
    # Find out what of the profile was needed to explain each state; takes as long as everything else together.
    count_needed: bool = True


class Summary(msgspec.Struct, frozen=True):
    """A tally for a machine to read."""

    file_system: str
    profile: str
    skipped: str
    copies: int
    distinct_states: int
    not_allowed: int
    undecided: int
    damaged: int
    allowed_never_seen: list[str]
    findings: list[str]
    broke_off: str
