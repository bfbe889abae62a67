"""The flows whose crash points are enumerated: how the terminal is brought there, and what it then does.

Models: an ordinary counter: a terminal that is signed on and has sold before. Each flow is one thing that people do (or that the
terminal does by itself after power comes back), recorded from the moment it is asked for until the terminal is at rest.
Does not model: two things at once (a second key in the middle of a sale); that is the random runs' affair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from harness.core.registry import Registry
from harness.core.units import US_PER_MINUTE, US_PER_SECOND, seconds
from harness.device.chip import Chip
from harness.engine.crashpoints.scene import Scene
from harness.engine.phases import measure_space
from harness.history.events import PhaseStarted, SoftwareReady
from harness.network.conditions import Partition
from harness.workload.arrivals import Visit, VisitKind
from harness.workload.customers import Customer
from harness.workload.operators import install
from harness.workload.stays import Stay
from harness.workload.till import SaleReceipt
from harness.workload.trading import one_settlement

FLOW_MAX_US = 90 * US_PER_MINUTE
REST_US = 90 * US_PER_SECOND
"""After a flow the terminal may still have something to do, such as a reversal."""
SETTLED_US = 3 * US_PER_MINUTE
"""Between what comes before and the flow: whatever the kernel writes back by itself has been written."""
FORWARDED_US = 5 * US_PER_MINUTE
"""Within so long of the line's return a terminal that forwards offline sales by itself has begun to."""
AMOUNT_FEN = 4_250
"""The amount of the flow's own transaction."""
FLOW_VISIT = 9
"""The number of the customer whose transaction the flow is."""
HELD_FEN = 4_000
_CHECK_IN = 8
_CONFIRMS_US = 6 * US_PER_SECOND
"""When the customer who pays by code has found the password: behind the first query, before the second."""

Wish: TypeAlias = VisitKind | Literal["scan_sale"]
"""What a customer comes for; who comes for a scan sale wants to buy, and pays by code."""


@dataclass(frozen=True, slots=True)
class Flow:
    """``needs``: actions that the manifest must have. ``prepare`` and ``act`` let people work in a scene that is powered."""

    name: str
    summary: str
    needs: tuple[str, ...]
    prepare: Callable[[Scene], None]
    act: Callable[[Scene], None] | None
    """None: the flow is the boot that follows."""
    returns: bool = False
    """Whether a customer is there who would come back and pay again."""
    wish: Wish = "sale"
    """What that customer came for."""
    offline: bool = False
    """Whether the terminal must be one that sells offline."""
    updates: bool = False
    """Whether what comes before was the release before this one: the boot is this one's first."""


# ---------------------------------------------------------------- what people do


def visit(scene: Scene, kind: Wish, number: int, amount_fen: int) -> Visit:
    """A customer without quirks, on day 0."""
    by_code = kind == "scan_sale"
    wanted: VisitKind = "sale" if kind == "scan_sale" else kind
    choice = (number * 37 % 100) / 100
    return Visit(0, number, scene.now_us, wanted, amount_fen, by_code, 2_000_000, 1_000_000, 1.0, choice)


def buy(scene: Scene, number: int, amount_fen: int, kind: Wish = "sale", chip: Chip | None = None) -> None:
    """One customer, from coming in to leaving."""
    customer = Customer(scene.till, visit(scene, kind, number, amount_fen), counts=False, chip=chip)
    scene.run_until(scene.env.process(customer.at_the_till()), FLOW_MAX_US)


def buy_offline(scene: Scene) -> None:
    """A small sale that the card approves while the line is down; then the line is back, and the host is told."""
    line = scene.hardware.link.conditions
    down = Partition()
    line.add(down)
    buy(scene, FLOW_VISIT, AMOUNT_FEN, chip=Chip("", approves_offline=True))
    line.remove(down)
    scene.run_for(FORWARDED_US)


def check_out(scene: Scene, slip: SaleReceipt, *, returns: bool = False) -> None:
    """The guest of a pre-authorisation pays what is due, a little more than was held."""
    due = visit(scene, "completion", FLOW_VISIT, AMOUNT_FEN)
    stay = Stay(scene.till.intent_number(0, _CHECK_IN), due, slip)
    customer = Customer(scene.till, due, counts=False, returns=returns, stay=stay)
    scene.run_until(scene.env.process(customer.at_the_till()), FLOW_MAX_US)


def slip_of_hold(scene: Scene) -> SaleReceipt:
    """The slip that the guest was given at check-in, read off what the host holds: paper survives every cut."""
    hold = next(each for each in scene.acquirer.entries(scene.hardware.tid) if each.kind == "preauth")
    choice = visit(scene, "preauth", _CHECK_IN, HELD_FEN).card_choice
    return SaleReceipt(
        hold.amount_fen, hold.stan, hold.batch, hold.rrn, scene.till.date_text(), choice, False, "preauth"
    )


def settle(scene: Scene) -> None:
    """Somebody settles."""
    scene.run_until(one_settlement(scene.till), FLOW_MAX_US)


def start(scene: Scene) -> bool:
    """Power on, for the first time or again; whether the software became ready in the time that it declares."""
    scene.station.power_on()
    return wait_ready(scene)


def wait_ready(scene: Scene) -> bool:
    """Give the software the time that it declares."""
    limit_us = seconds(scene.station.manifest.recovery_timeout_s)
    deadline_us = scene.now_us + limit_us
    while not scene.station.ready and scene.now_us < deadline_us:
        scene.run_for(US_PER_SECOND)
    return scene.station.ready


# ---------------------------------------------------------------- before the flow


def _installed(scene: Scene) -> None:
    """Installed, signed on, in trade: the state in which every flow begins."""
    world = scene.world
    scene.tape.emit(PhaseStarted(world.now_us, "trading"))

    def ready(_: int, event: SoftwareReady) -> None:
        measure_space(scene.built, scene.station, "installed")
        scene.tape.unwatch(SoftwareReady, ready)

    scene.tape.watch(SoftwareReady, ready)
    start(scene)
    scene.till.trace_number = scene.setting.plan.trace_number
    scene.run_until(scene.env.process(install(scene.till)), FLOW_MAX_US)
    if "sign_on" in scene.station.manifest.actions:
        scene.run_until(scene.env.process(scene.till.perform("sign_on", 2 * US_PER_MINUTE)), FLOW_MAX_US)


def _one_sale(scene: Scene) -> None:
    _installed(scene)
    buy(scene, 1, 1_200)


def _three_sales(scene: Scene) -> None:
    _one_sale(scene)
    buy(scene, 2, 3_300)
    buy(scene, 3, 560)


def _settled_sale(scene: Scene) -> None:
    """A batch that was settled yesterday, with the sale that the customer now wants the money back for."""
    _installed(scene)
    buy(scene, 1, AMOUNT_FEN)
    settle(scene)
    buy(scene, 2, 990)


def _voidable_sale(scene: Scene) -> None:
    _installed(scene)
    buy(scene, 1, AMOUNT_FEN)


def _checked_in(scene: Scene) -> None:
    """Yesterday's guest: the batch in which the amount was held is settled."""
    _installed(scene)
    buy(scene, _CHECK_IN, HELD_FEN, "preauth")
    buy(scene, 1, 1_200)
    settle(scene)
    buy(scene, 2, 990)


def _asked_on_the_phone(scene: Scene) -> None:
    """The next customer who pays by code has to confirm it."""
    _one_sale(scene)
    knobs = scene.acquirer.knobs(scene.hardware.tid)
    knobs.confirmations, knobs.confirmed_after_us = 1, _CONFIRMS_US


def _miscounting_host(scene: Scene) -> None:
    """The host counts one sale more than it has: totals differ and the terminal must upload every record."""
    _three_sales(scene)
    scene.acquirer.knobs(scene.hardware.tid).totals_off_by_one = 1


def _unanswered_sale(scene: Scene) -> None:
    """Two sales stand; of a third the answer was lost, and the power went while the terminal waited for it."""
    _one_sale(scene)
    buy(scene, 2, 3_300)
    scene.run_for(SETTLED_US)
    leave_in_doubt(scene, 3)


def leave_in_doubt(scene: Scene, number: int) -> None:
    """A sale whose answer is lost; the scene ends while the terminal waits for it."""
    scene.acquirer.knobs(scene.hardware.tid).drop_replies = 1
    customer = Customer(scene.till, visit(scene, "sale", number, AMOUNT_FEN), counts=False)
    scene.env.process(customer.at_the_till())
    digest = scene.site.digest
    deadline_us = scene.now_us + 10 * US_PER_MINUTE
    while scene.site.digest == digest and scene.now_us < deadline_us:
        scene.run_for(US_PER_SECOND)
    scene.run_for(US_PER_SECOND)


# ---------------------------------------------------------------- the flows


_ALL = (
    Flow("sale", "one card sale", ("sale",), _one_sale, lambda scene: buy(scene, FLOW_VISIT, AMOUNT_FEN), returns=True),
    Flow(
        "void", "a sale of this batch is taken back", ("sale", "void"), _voidable_sale,
        lambda scene: buy(scene, FLOW_VISIT, AMOUNT_FEN, "void"),
    ),
    Flow(
        "refund", "a settled sale is given back", ("sale", "settle", "refund"), _settled_sale,
        lambda scene: buy(scene, FLOW_VISIT, AMOUNT_FEN, "refund"),
    ),
    Flow("settle", "settlement of three sales, totals agree", ("sale", "settle"), _three_sales, settle),
    Flow("upload", "settlement with totals that differ: batch upload", ("sale", "settle"), _miscounting_host, settle),
    Flow("boot", "power comes back after a sale whose answer was lost", ("sale",), _unanswered_sale, None),
    Flow(
        "update", "a new release starts on the old one's open batch, with a sale in doubt", ("sale",), _unanswered_sale, None,
        updates=True,
    ),
    Flow(
        "preauth", "an amount is held at check-in", ("sale", "preauth", "completion"), _one_sale,
        lambda scene: buy(scene, FLOW_VISIT, AMOUNT_FEN, "preauth"), returns=True, wish="preauth",
    ),
    Flow(
        "completion", "what is due is taken from a hold of an older batch", ("sale", "settle", "preauth", "completion"),
        _checked_in, lambda scene: check_out(scene, slip_of_hold(scene)), returns=True, wish="completion",
    ),
    Flow(
        "offline", "a small sale while the line is down, and the host is told of it", ("sale",), _one_sale, buy_offline,
        returns=True, offline=True,
    ),
    Flow(
        "scan", "a payment code is charged, and the customer confirms on the phone", ("sale", "scan_sale"),
        _asked_on_the_phone, lambda scene: buy(scene, FLOW_VISIT, AMOUNT_FEN, "scan_sale"), returns=True, wish="scan_sale",
    ),
)  # fmt: skip

FLOWS: Registry[Flow] = Registry("flow")
for _flow in _ALL:
    FLOWS.register(_flow.name)(_flow)
