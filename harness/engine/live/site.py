"""The world that a real terminal is connected to: a scenario's acquirer, one link a terminal, faults of the link and the host.

Models: every terminal of the scenario as a link to the acquirer and an entry in its books; other terminal numbers as further
names of those. Faults of families network and host strike as they do in a run, by the time of day, messages and rates.
Does not model: people and devices, which are real here: faults that need them are refused by name.
Why here: a run drives the world as fast as it can; this one is driven by the clock on the wall (``server``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from harness.core.errors import UsageError
from harness.core.units import US_PER_DAY
from harness.engine.child import spoken_to
from harness.history.recorder import Recorder
from harness.host.bank import Decide
from harness.host.dialects import DialectChoice
from harness.network.link import Link
from harness.scenario.build import Built, build, master_key
from harness.scenario.plan import Plan
from harness.sut import software
from harness.terminals.catalogue import CATALOGUE

FAMILIES = ("network", "host")
"""Families of fault that need neither a device nor people."""
_DAYS_MAX = 400


@dataclass(frozen=True, slots=True)
class Known:
    """A terminal that the host knows: its numbers, and the master key for its PIN pad, a test key."""

    tid: str
    mid: str
    key: bytes
    device: str


@dataclass(slots=True)
class Site:
    """The world, and who may call."""

    built: Built
    recorder: Recorder
    known: tuple[Known, ...]
    start_us: int
    """Virtual time at the beginning: the time of day."""

    links: dict[str, Link]
    """By terminal number."""

    def link_of(self, tid: str) -> Link:
        """The link of a terminal; the first one's for a number that the host does not know, which it will say itself."""
        return self.links.get(tid) or self.links[self.known[0].tid]


def open_site(
    plan: Plan,
    recorder: Recorder,
    *,
    seed: int,
    dialect: str | None,
    has_mac: bool = True,
    others: Sequence[tuple[str, str, bytes | None]],
    today: date,
    at_us: int,
) -> Site:
    """The acquirer of ``plan`` with its links, at ``at_us`` of ``today``. ``others``: terminal and merchant numbers besides the
    scenario's, each with its master key, or None for one that is made. Without ``has_mac`` the host asks for no authentication
    codes and no logon, and takes a terminal's word for the number of its batch. UsageError for what cannot be had here.
    """
    alien = [f"{each.name} ({each.fault.family})" for each in plan.faults if each.fault.family not in FAMILIES]
    if alien:
        raise UsageError(
            f"{plan.name}: {', '.join(alien)} cannot strike a real terminal from here; "
            f"take a scenario with faults of {' and '.join(FAMILIES)} alone"
        )
    shipped = {name: each.spec for name, each in CATALOGUE.items()}
    loaded = spoken_to(software.load("reference", shipped), dialect)
    loaded = replace(loaded, dialect=_spoken(loaded.speaks, has_mac=has_mac))
    days = replace(plan.days, start=today, count=_DAYS_MAX, open_us=0, close_us=US_PER_DAY)
    built = build(replace(plan, days=days, funds=None, actions=None), loaded, seed, recorder)
    world = built.world
    known = [Known(each.tid, each.hardware.mid, master_key(seed, each.tid), each.name) for each in world.stations]
    if len(others) > len(known):
        raise UsageError(
            f"{len(others)} terminals are named, but {plan.name} has {len(known)}; add --terminals {len(others)}"
        )
    for place, (tid, mid, key) in enumerate(others):
        if any(each.tid == tid for each in known):
            raise UsageError(f"terminal {tid} is named twice; the scenario's own are {known[0].tid} and so on")
        known.append(Known(tid, mid or known[place].mid, key or master_key(seed, tid), known[place].device))
        world.acquirer.register_terminal(
            tid, known[-1].mid, known[place].device, known[-1].key, loaded.manifest.capture
        )
    rules = loaded.speaks.rules
    if rules is not None and not rules.needs_logon:
        for each in known:
            world.acquirer.session(each.tid).adopts_batch = True
    world.acquirer.bank.decide = _approve_real_cards(plan, built)
    world.phase = "trading"
    for station in world.stations:
        station.hardware.link.power_on()
    built.injector.arm()
    world.env.run(until=max(1, at_us))
    by_device = {each.name: each.hardware.link for each in world.stations}
    return Site(built, recorder, tuple(known), at_us, {each.tid: by_device[each.device] for each in known})


def _spoken(choice: DialectChoice, *, has_mac: bool) -> DialectChoice:
    rules = choice.rules or choice.cls.base_rules
    if has_mac:
        return choice
    if rules is None:
        raise UsageError(f"--no-mac: {choice.name} is a class of its own, and says itself what it asks for")
    return replace(choice, rules=rules.without_mac())


def _approve_real_cards(plan: Plan, built: Built) -> Decide:
    percent = plan.host.decline_percent or 0.0

    def decide(token: str, amount_fen: int, pan: str) -> str:
        """A share of presentations is declined, by the token alone, so that a retransmission gets the same answer."""
        return "51" if built.world.decisions.uniform(f"issuer/{token}") * 100.0 < percent else "00"

    return decide
