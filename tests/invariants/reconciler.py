"""A second opinion on the money: reads the whole history into lists and works out, slowly and plainly, who paid what.

Nothing is shared with the invariants but the events: no books, no forgetting, no incremental state. Each function returns the
numbers of events that name the guilty: the intent's opening (3, 31), the screen or slip that lied (1, 7, 12), the
completion's booking (21).
"""

from dataclasses import dataclass, field

from harness.history.events import (
    ActionEnded,
    ActionStarted,
    AnyEvent,
    BatchSettled,
    IntentOpened,
    LedgerChanged,
    Presented,
    ReceiptPrinted,
    ScreenShown,
)

TAKEN = ("APPROVED", "SETTLED", "REFUNDED")
STANDS = ("APPROVED", "SETTLED", "REFUNDED", "VOIDED", "COMPLETED", "EXPIRED")
CHARGES = ("sale", "completion")
MONEY = (*CHARGES, "refund", "preauth", "void", "preauth_void", "completion_void")


@dataclass
class Charge:
    """An entry of the host, with everything that ever happened to it."""

    number: int
    kind: str
    token: str
    batch: str
    stan: str
    amount_fen: int
    original: int | None
    action_at_birth: int | None
    states: list[tuple[int, str]] = field(default_factory=list)

    @property
    def state(self) -> str:
        return self.states[-1][1]

    def state_at(self, number: int) -> str:
        return [state for when, state in self.states if when <= number][-1]


@dataclass
class Whole:
    """The history as lists."""

    events: list[AnyEvent]

    def numbered(self, kind: type) -> list[tuple[int, AnyEvent]]:
        return [(number, event) for number, event in enumerate(self.events) if isinstance(event, kind)]

    def charges(self) -> list[Charge]:
        found: dict[int, Charge] = {}
        running: int | None = None
        for number, event in enumerate(self.events):
            if isinstance(event, ActionStarted):
                running = event.action
            elif isinstance(event, ActionEnded):
                running = None
            elif isinstance(event, LedgerChanged):
                if event.entry not in found:
                    found[event.entry] = Charge(
                        event.entry, event.kind, event.token, event.batch, event.stan, event.amount_fen,
                        event.original_entry, running,
                    )  # fmt: skip
                found[event.entry].states.append((number, event.state))
        return list(found.values())

    def closings(self) -> list[tuple[int, BatchSettled]]:
        return [(n, e) for n, e in self.numbered(BatchSettled) if e.closed and not e.repeated]

    def claimed(self) -> set[int]:
        return {each for _, event in self.closings() for each in event.settled if each not in event.host_only}

    def unclaimed(self) -> set[int]:
        return {each for _, event in self.closings() for each in event.host_only}

    def charges_of_action(self, action: int) -> list[Charge]:
        tokens = {e.token for _, e in self.numbered(Presented) if e.action == action}
        return [
            each
            for each in self.charges()
            if (each.token and each.token in tokens) or (not each.token and each.action_at_birth == action)
        ]

    def charges_of_intent(self, intent: int) -> list[Charge]:
        tokens = {e.token for _, e in self.numbered(Presented) if e.intent == intent}
        return [each for each in self.charges() if each.token and each.token in tokens]

    def net_fen(self, charge: Charge) -> int:
        if charge.kind not in CHARGES or charge.state not in TAKEN:
            return 0
        refunds = [e for e in self.charges() if e.kind == "refund" and e.original == charge.number and e.state in TAKEN]
        return charge.amount_fen - sum(each.amount_fen for each in refunds)

    def tellings(self, intent: int) -> list[int]:
        """Events in which the terminal said that something for this intent succeeded."""
        shown = self.shown()
        found = [shown[e.action] for _, e in self.numbered(ActionStarted) if e.intent == intent and e.action in shown]
        named = {(each.batch, each.stan): each.states[0][0] for each in self.charges_of_intent(intent)}
        for number, event in enumerate(self.events):
            paper = isinstance(event, ReceiptPrinted) and event.kind in MONEY
            display = isinstance(event, ScreenShown) and event.kind == "approved"
            if (paper or display) and number > named.get((event.batch, event.stan), len(self.events)):
                found.append(number)
        return found

    def shown(self) -> dict[int, int]:
        """First event in which each money action was said to be approved, by action."""
        kinds = {e.action: e.kind for _, e in self.numbered(ActionStarted)}
        first: dict[int, int] = {}
        for number, event in enumerate(self.events):
            told = isinstance(event, ScreenShown) and event.kind == "approved"
            paper = isinstance(event, ReceiptPrinted) and event.kind in MONEY and not event.duplicate
            if not told and not paper:
                continue
            about = event.action
            named = self.named(event, number)
            if named is not None and (paper or named not in first):
                about = named
            if kinds.get(about) in MONEY:
                first.setdefault(about, number)
        return first

    def named(self, event: AnyEvent, number: int) -> int | None:
        """The action of the charge whose batch and trace number a screen or slip names."""
        actions = {e.token: e.action for _, e in self.numbered(Presented)}
        known = [
            each
            for each in self.charges()
            if (each.batch, each.stan) == (event.batch, event.stan) and each.states[0][0] < number
        ]
        if not known:
            return None
        return actions.get(known[-1].token) if known[-1].token else known[-1].action_at_birth


def lost_approvals(events: list[AnyEvent]) -> set[int]:
    """Shown approvals that no settlement claimed (1), where that can be told without looking into the terminal."""
    whole = Whole(events)
    guilty = set()
    for action, number in whole.shown().items():
        charges = whole.charges_of_action(action)
        safe = [
            each
            for each in charges
            if each.state in ("VOIDED", "REFUNDED")
            or (each.kind in ("void", "preauth_void", "completion_void", "preauth") and each.state in STANDS)
            or (each.state in STANDS and each.number in whole.claimed())
            or (each.state == "APPROVED" and each.number not in whole.unclaimed())  # still open: nobody can tell
        ]
        if not safe:
            guilty.add(number)
    return guilty


def double_charges(events: list[AnyEvent]) -> set[int]:
    """Intents for which more is taken than they were for (3), but for what was paid again after success was told."""
    whole = Whole(events)
    guilty = set()
    for number, event in whole.numbered(IntentOpened):
        told = min(whole.tellings(event.intent), default=len(events))
        begun = {e.action: n for n, e in whole.numbered(ActionStarted)}
        presented = {e.token: e.action for _, e in whole.numbered(Presented)}
        taken = [each for each in whole.charges_of_intent(event.intent) if begun[presented[each.token]] < told]
        due_fen = 0 if event.kind == "preauth" else event.amount_fen
        if sum(whole.net_fen(each) for each in taken) > due_fen:
            guilty.add(number)
    return guilty


def silent_charges(events: list[AnyEvent]) -> set[int]:
    """Intents that are charged although the terminal never told of success (31)."""
    whole = Whole(events)
    guilty = set()
    for number, event in whole.numbered(IntentOpened):
        charges = whole.charges_of_intent(event.intent)
        if sum(whole.net_fen(each) for each in charges) <= 0:
            continue
        claimed = any(each.number in whole.claimed() for each in charges)
        if not claimed and not whole.tellings(event.intent):
            guilty.add(number)
    return guilty


def bad_completions(events: list[AnyEvent]) -> set[int]:
    """Completions that stand beside an earlier one, take more than 115 % of the hold, or came when it was over (21)."""
    whole = Whole(events)
    guilty = set()
    charges = {each.number: each for each in whole.charges()}
    standing = [each for each in charges.values() if each.kind == "completion" and whole.net_fen(each) > 0]
    for each in standing:
        hold, booked = charges[each.original], each.states[0][0]
        earlier = [other for other in standing if other.original == each.original and other.states[0][0] < booked]
        over = hold.state if hold.state_at(booked) == hold.state else ""
        too_much = whole.net_fen(each) > hold.amount_fen * 115 // 100
        if earlier or too_much or over in ("VOIDED", "REVERSED", "EXPIRED"):
            guilty.add(booked)
    return guilty


def double_fates(events: list[AnyEvent]) -> set[int]:
    """Approvals shown, or claims made, for what the host reversed (7)."""
    whole = Whole(events)
    guilty = set()
    for action, number in whole.shown().items():
        states = [each.state for each in whole.charges_of_action(action)]
        if "REVERSED" in states and not any(each in STANDS for each in states):
            guilty.add(number)
    told = {each.number for action in whole.shown() for each in whole.charges_of_action(action)}
    for number, event in whole.closings():
        for charge in whole.charges():
            claims = charge.stan in event.terminal_only and charge.batch == event.batch
            if claims and charge.state_at(number) == "REVERSED" and charge.number not in told:
                guilty.add(number)
    return guilty


def wrong_slips(events: list[AnyEvent]) -> set[int]:
    """Settlement slips that say something else than the host settled in their batch (12)."""
    whole = Whole(events)
    guilty = set()
    for number, event in whole.numbered(ReceiptPrinted):
        if event.kind != "settlement":
            continue
        for _, closing in whole.closings():
            if closing.batch != event.batch:
                continue
            settled = [each for each in whole.charges() if each.number in closing.settled]
            sales = [each.amount_fen for each in settled if each.kind in CHARGES]
            refunds = [each.amount_fen for each in settled if each.kind == "refund"]
            said = (event.debit_count, event.debit_fen, event.credit_count, event.credit_fen)
            if said != (len(sales), sum(sales), len(refunds), sum(refunds)):
                guilty.add(number)
    return guilty
