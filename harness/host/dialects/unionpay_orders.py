"""Scan-to-pay orders in the UnionPay dialect: which request asks for what, and what is in it.

Models the requests of one order [A: the domestic interface for payment codes was not at hand; field use follows its neighbours]:

- 0600, answered 0610, both with MAC: an administrative message, as an order is no card transaction and is never reversed by 0400.
- Processing code 000000 creates the order and charges the code, 310000 asks how it stands, 200000 revokes it.
- DE59 has the order number in 32 characters, left-justified, and in a creation the payment code behind it.
- DE4, DE11 and DE60 as in a sale; a query and a revocation have trace numbers of their own. The sale that a paid order becomes
  has the trace number and batch of its creation, and is refunded (0220), settled and uploaded as a sale by card is.
- DE39 says how the order stands: 00 SUCCESS (with DE37 and DE38), 09 USERPAYING, 25 unknown, 12 CLOSED or REVOKED, anything else
  declined; of a revocation 00 revoked, 09 too early, 12 nothing to revoke, 25 unknown and from now on declined.

Does not model: codes that the shop shows and the customer scans, wallets' own response codes.
"""

from harness.host.bank import Bank, Demand
from harness.host.knobs import Knobs
from harness.host.ledger import Entry
from harness.iso8583 import Message
from harness.iso8583.unionpay import Order59

PAY, QUERY, REVOKE = "000000", "310000", "200000"


def judge_order(bank: Bank, message: Message, demand: Demand, knobs: Knobs) -> tuple[str, Entry | None] | None:
    """The response code and the ledger entry that it is about; None when the message lacks what its kind needs."""
    if 59 not in message:
        return None
    named = Order59.parse(message.text(59))
    kind = message.text(3)
    if kind == PAY:
        return bank.orders.pay(demand, named.number, knobs)
    if kind not in (QUERY, REVOKE):
        return "12", None
    if bank.leaves_open(demand.forced_code):
        return demand.forced_code, None
    if kind == QUERY:
        return bank.orders.query(demand.session, named.number)
    return bank.orders.revoke(demand, named.number)
