"""Whatever happens in whatever order, the host's money agrees with a tally that knows nothing of its rules.

The tally sits outside: it sees only the response codes that the host gave, whether or not a terminal would have received
them, and adds and subtracts. It knows no states, batches or entries. To the host a lost reply is what the terminal does
next: send the same again, or reverse; both are among the rules, in any order and number.
"""

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.host.host_client import PAN, TID, Client, make_host, verdict

AMOUNTS = st.integers(1, 5000)


class Terminal(RuleBasedStateMachine):
    """A terminal that may send or reverse anything twice, and settle at any time with right or wrong totals."""

    @initialize()
    def install(self):
        self.acquirer, self.changes, self.settlements = make_host()
        self.client = Client(self.acquirer)
        self.client.sign_on()
        self.taken = Counter()  # (batch, STAN) of a sale -> fen that the customer is out of pocket
        self.money = {}  # (batch, STAN) -> amount asked for, with its kind
        self.voids = {}  # (batch, STAN) of a void -> key of its sale
        self.rrn = {}

    @rule(amount=AMOUNTS, twice=st.booleans())
    def sale(self, amount, twice):
        stan, batch = self.client.next_stan(), self.client.batch
        token = f"{len(self.money):011d}"
        reply = self.client.sale(amount, token, stan)
        if reply.text(39) == "00":
            self.taken[batch, stan] += amount
            self.rrn[batch, stan] = reply.text(37)
            self.money[batch, stan] = ("sale", amount)
        if twice:
            assert self.client.sale(amount, token, stan).text(39) in ("94", "95", "77")

    def pick(self, data, kind):
        keys = [key for key, (what, _) in self.money.items() if what == kind]
        return data.draw(st.sampled_from(keys)) if keys else None

    @rule(data=st.data(), again=st.integers(1, 3))
    def reverse_a_sale(self, data, again):
        key = self.pick(data, "sale")
        if key is None:
            return
        answers = [self.client.reverse(key[1], self.money[key][1], batch=key[0]).text(39) for _ in range(again)]
        if answers[0] == "00":
            self.taken[key] = 0
        assert len(set(answers)) == 1, "a reversal sent again is answered alike"

    @rule(amount=AMOUNTS, late=st.booleans())
    def reverse_before_the_sale_arrives(self, amount, late):
        stan = self.client.next_stan()
        first = self.client.reverse(stan, amount).text(39)
        assert first == "25"
        if late:
            assert self.client.sale(amount, "99999999999", stan).text(39) != "00"

    @rule(data=st.data(), whole=st.booleans())
    def void(self, data, whole):
        key = self.pick(data, "sale")
        if key is None:
            return
        amount = self.money[key][1] - (0 if whole else 1)
        stan, batch = self.client.next_stan(), self.client.batch
        answer = self.client.void(key[1], amount, self.rrn[key], stan, batch=key[0]).text(39)
        if answer == "00":
            assert whole
            self.taken[key] = 0
            self.money[batch, stan] = ("void", amount)
            self.voids[batch, stan] = key

    @rule(data=st.data())
    def reverse_a_void(self, data):
        key = self.pick(data, "void")
        if key is None:
            return
        already = key not in self.voids
        amount = self.money[key][1]
        sale = self.voids.get(key, ("000001", "000000"))
        answer = self.client.reverse(key[1], amount, code="200000", batch=key[0], f61="".join(sale)).text(39)
        if answer == "00" and not already:
            self.taken[sale] = self.money[sale][1]
            del self.voids[key]

    @rule(data=st.data(), amount=AMOUNTS, twice=st.booleans())
    def refund(self, data, amount, twice):
        key = self.pick(data, "sale")
        if key is None:
            return
        stan = self.client.next_stan()
        for _ in range(2 if twice else 1):
            answer = self.client.refund(*key, amount, self.rrn[key], stan).text(39)
        if answer == "00":
            self.taken[key] -= amount

    @rule(right=st.booleans(), again=st.booleans())
    def settle(self, right, again):
        standing = self.acquirer.open_entries(TID)
        batch = self.client.batch
        debits = [entry.amount_fen for entry in standing if entry.kind == "sale" and entry.batch == batch]
        credit = [entry.amount_fen for entry in standing if entry.kind == "refund" and entry.batch == batch]
        claimed = (len(debits) + (0 if right else 1), sum(debits), len(credit), sum(credit))
        first = verdict(self.client.settle(*claimed))
        assert first == ("11" if right else "21")
        if again:
            assert verdict(self.client.settle(*claimed)) == first
        if right:
            assert self.acquirer.batch_number(TID) == f"{int(batch) + 1:06d}"
            self.client.batch = self.acquirer.batch_number(TID)

    @rule(data=st.data(), again=st.booleans())
    def upload(self, data, again):
        batch = self.client.batch
        mine = [
            entry for entry in self.acquirer.entries(TID, batch) if entry.state == "APPROVED" and entry.kind != "void"
        ]
        chosen = data.draw(st.lists(st.sampled_from(mine), unique_by=lambda entry: entry.number)) if mine else []
        answers = set()
        for start in range(0, len(chosen), 8):
            items = [(entry.stan, PAN, entry.amount_fen) for entry in chosen[start : start + 8]]
            answers = {self.client.upload(items).text(39) for _ in range(2 if again else 1)}
        for _ in range(2 if again else 1):
            ended = self.client.end_upload(len(chosen)).text(39)
        assert answers <= {"00", "94", "12"} and ended in ("00", "12")
        if ended == "00":
            settlement = self.acquirer.settlements(TID)[-1]
            assert set(settlement.settled) | set(settlement.host_only) == {entry.number for entry in mine}
            assert {entry.number for entry in chosen} <= set(settlement.settled)
            self.client.batch = self.acquirer.batch_number(TID)

    @rule()
    def sign_on(self):
        self.client.sign_on()

    @invariant()
    def the_ledger_holds_what_was_taken(self):
        if hasattr(self, "acquirer"):
            assert self.acquirer.bank.ledger.net_fen_of_terminal(TID) == sum(self.taken.values())
            assert all(fen >= 0 for fen in self.taken.values()), "nobody gets back more than they paid"

    @invariant()
    def the_events_tell_the_ledgers_story(self):
        if not hasattr(self, "acquirer"):
            return
        told = {}
        for change in self.changes:
            assert change.previous_state == told.get(change.entry, "")
            told[change.entry] = change.state
        assert told == {entry.number: entry.state for entry in self.acquirer.entries()}

    @invariant()
    def nothing_is_settled_twice_and_totals_are_what_was_settled(self):
        if not hasattr(self, "acquirer"):
            return
        settled = [number for settlement in self.acquirer.settlements() for number in settlement.settled]
        assert len(settled) == len(set(settled))
        for settlement in self.acquirer.settlements():
            entries = [self.acquirer.bank.ledger.entry(number) for number in settlement.settled]
            if settlement.balanced:
                debit = sum(entry.amount_fen for entry in entries if entry.kind == "sale")
                assert debit == settlement.terminal_totals.debit_fen == settlement.host_totals.debit_fen


Terminal.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestMoney = Terminal.TestCase
