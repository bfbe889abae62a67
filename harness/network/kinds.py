"""Kinds of link: how long a message takes, how often a packet is lost, how fast the line is.

Models: one-way latency as a lognormal (its long tail is the jitter), packet loss as TCP shows it — a delay of one
retransmission timeout, doubling with each further loss, and a broken connection after too many — and bandwidth.
Does not model: single packets, congestion windows, roaming, or a link whose quality drifts over the day (a fault's work).

Sources. Round-trip times, loss and the GPRS rate: domain figures for payment terminals; "assumption" where no source was
found. Retransmission: RFC 6298 with Linux's bounds (200 ms to 120 s) for the timer, RFC 1122 4.2.3.5 for giving up
(at least 100 s; eight retransmissions at 200 ms doubling make 102 s).

A round trip is two one-way draws. Their sum must have the table's median and 99th percentile, so the one-way median and
sigma were fitted to it numerically; the test repeats the sum.
"""

import math
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

from harness.core.registry import Registry

RETRANSMISSIONS_MAX = 8
GIVEN_UP = -1
"""What ``one_way_us`` answers when every retransmission was lost."""

_RTO_US_MIN = 200_000
_RTO_US_MAX = 120_000_000
_SYN_TIMEOUT_US = 1_000_000  # RFC 6298 2.1
_SYN_RETRIES_MAX = 6  # Linux's tcp_syn_retries
_UNIFORM_MIN = 1e-12  # the inverse of the normal distribution is not defined at 0 and 1
_inverse = NormalDist().inv_cdf


@dataclass(frozen=True, slots=True)
class LinkKind:
    """One medium. ``one_way_*`` are fitted to ``rtt_*``; ``up`` is towards the host."""

    name: str
    title: str
    rtt_us_median: int
    rtt_us_p99: int
    one_way_us_median: float
    one_way_sigma: float
    loss: float
    up_bits_per_second: int
    down_bits_per_second: int
    retransmission_us: int
    """The first retransmission timeout on this medium, 200 ms to 1 s."""
    senses_cable: bool
    """Whether the device itself notices that the medium is gone (an Ethernet plug, a radio without carrier)."""
    source: str

    @property
    def neutral_one_way_us(self) -> int:
        """The median delay, nothing lost."""
        return round(self.one_way_us_median)

    @property
    def give_up_us(self) -> int:
        """How long a sender retransmits before it breaks the connection."""
        return self.lost_us(RETRANSMISSIONS_MAX + 1)

    def lost_us(self, times: int) -> int:
        """The delay of a message that was lost ``times`` times in a row."""
        waited_us, timeout_us = 0, self.retransmission_us
        for _ in range(times):
            waited_us += timeout_us
            timeout_us = min(2 * timeout_us, _RTO_US_MAX)
        return waited_us

    def one_way_us(self, uniform: float) -> int:
        """The delay of one message, retransmissions included, or ``GIVEN_UP``.

        One number decides both: what is left of it, once it has said "lost" or "not lost", is as uniform as before.
        """
        times, uniform = losses(uniform, self.loss)
        if times > RETRANSMISSIONS_MAX:
            return GIVEN_UP
        normal = _inverse(min(max(uniform, _UNIFORM_MIN), 1 - _UNIFORM_MIN))
        delay_us = round(self.one_way_us_median * math.exp(self.one_way_sigma * normal))
        return delay_us + self.lost_us(times) if times else delay_us

    def handshake_us(self, uniform: float) -> int:
        """The duration of a handshake: a round trip, after a second for the first lost packet of it, two for the next, ..."""
        loss, sigma = _handshake(self.loss, self.rtt_us_median, self.rtt_us_p99)
        times, uniform = losses(uniform, loss)
        normal = _inverse(min(max(uniform, _UNIFORM_MIN), 1 - _UNIFORM_MIN))
        delay_us = round(self.rtt_us_median * math.exp(sigma * normal))
        return delay_us + syn_lost_us(times) if times else delay_us


@cache
def _handshake(loss: float, median: int, p99: int) -> tuple[float, float]:
    """Loss of either packet of a round trip, and the spread of a lognormal with this median and 99th percentile."""
    return 1 - (1 - loss) ** 2, math.log(p99 / median) / _inverse(0.99)


def losses(uniform: float, loss: float) -> tuple[int, float]:
    """How often in a row a packet is lost (never more than once beyond the maximum), and a fresh uniform number."""
    times = 0
    while uniform < loss and times <= RETRANSMISSIONS_MAX:
        uniform /= loss
        times += 1
    if times <= RETRANSMISSIONS_MAX:
        uniform = (uniform - loss) / (1 - loss)
    return times, uniform


def syn_lost_us(times: int) -> int:
    """The delay of a handshake that lost a packet ``times`` times in a row: 1 s, then 2 s more, then 4 s more, ..."""
    return ((1 << min(times, _SYN_RETRIES_MAX)) - 1) * _SYN_TIMEOUT_US


LINK_KINDS: Registry[LinkKind] = Registry("link kind")

_TABLE = (
    #        name        title       RTT median, p99     fitted one way      loss    up, down bit/s            RTO
    LinkKind("4g",       "4G",       60_000, 800_000,    21_339.8, 1.37708,  0.003,  5_000_000, 20_000_000,    200_000,
             True,  "RTT and loss: assumption of the domain study; rates: assumption"),
    LinkKind("gprs",     "GPRS",     700_000, 5_000_000, 279_206.8, 1.07409, 0.02,   40_000, 40_000,           1_000_000,
             True,  "rate: Lyra Network FAQ (GPRS 40 kbit/s); RTT and loss: assumption of the domain study"),
    LinkKind("wifi",     "Wi-Fi",    20_000, 300_000,    6_949.76, 1.43484,  0.005,  20_000_000, 20_000_000,   200_000,
             True,  "RTT and loss: assumption of the domain study; rates: assumption"),
    LinkKind("ethernet", "Ethernet", 10_000, 40_000,     4_387.08, 0.783194, 0.0001, 100_000_000, 100_000_000, 200_000,
             True,  "RTT median and loss: assumption of the domain study; p99 and rates: assumption"),
)  # fmt: skip
for _kind in _TABLE:
    LINK_KINDS.register(_kind.name)(_kind)
