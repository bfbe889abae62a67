"""What the world sends to terminal software: operator actions, keys, cards, paper, the cable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from harness.contract.kinds import ActionKind
from harness.contract.making import quick


@quick
@dataclass(frozen=True, slots=True)
class Action:
    """An operator action.

    Void, refund and completion name the original as the operator reads it from the receipt: trace number (STAN), batch, RRN,
    date (MMDD), amount (``original_amount_fen``; 0 where it is not keyed in). A completion is about a preauth;
    ``amount_fen`` is what is due, up to 115 % of what was held, and it may come days later.

    ``account`` sets where the merchant's money goes (``account``) and when (``cycle``: T+1, D+1 or D+0); it is done when the
    acquirer has taken both as they were keyed in, and never before. ``payout`` asks what has become of the money of the
    batch settled last; it is done when the money has arrived or is not due yet, and failed when the acquirer holds it or it
    came back.

    ``trace_number`` is the technician's at installation: the next request is to carry ``trace_number``, 000001 to 999999, as
    the device before this one had come so far. It is done when that number is durable; while the log holds records it is
    refused, as a number of this batch could come twice.

    ``scan_sale`` charges a customer's payment code, which ``device.card.read`` gives as ``CardData.code``; ``scan_refund`` gives
    back a sale made so, named like any other: its RRN is the host's number for the order.

    number
        The harness's name for it; terminal software has no use for it but ``finish``.
    kind
        An ``ActionKind``.
    amount_fen = 0
        What was keyed in, in fen.
    original_stan = ''
        Of the original, as its receipt has it: the trace number.
    original_batch = ''
        The batch number.
    original_rrn = ''
        The host's reference number.
    original_date = ''
        The day, MMDD.
    original_amount_fen = 0
        The amount, in fen; 0: it is not keyed in.
    account = ''
        Of ``account``: the merchant's account number.
    cycle = ''
        Of ``account``: T+1, D+1 or D+0.
    trace_number = ''
        Of ``trace_number``: the number that the next request carries.
    """

    number: int
    kind: ActionKind
    amount_fen: int = 0
    original_stan: str = ""
    original_batch: str = ""
    original_rrn: str = ""
    original_date: str = ""
    original_amount_fen: int = 0
    account: str = ""
    cycle: str = ""
    trace_number: str = ""


Sale: TypeAlias = Action
"""The request handed to each sugar method is the whole Action; this name reads better in a sale's signature."""


@quick
@dataclass(frozen=True, slots=True)
class ActionRequested:
    """The operator asks for an action.

    action
        Which. It must be answered with ``device.finish(action, outcome)``.
    """

    action: Action


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """A key outside an action.

    key
        ``cancel``, ``confirm``, ``menu``, or a repeat of the action key by an impatient hand.
    """

    key: str


@dataclass(frozen=True, slots=True)
class CardPresented:
    """A card came into reach of the reader; ``device.card.read`` tells what is on it."""


@dataclass(frozen=True, slots=True)
class CardRemoved:
    """The card left the reader."""


@dataclass(frozen=True, slots=True)
class PaperChanged:
    """The paper ran out, or was put in.

    loaded
        Whether there is paper now.
    """

    loaded: bool


@dataclass(frozen=True, slots=True)
class CableChanged:
    """The network cable or radio link came or went.

    connected
        Whether the line is there, as far as the modem can tell.
    """

    connected: bool


Event: TypeAlias = ActionRequested | KeyPressed | CardPresented | CardRemoved | PaperChanged | CableChanged
