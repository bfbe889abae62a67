"""Series to plot, with what is drawn over them."""

from __future__ import annotations

import msgspec


class Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """An instant worth a line in a plot. ``code``: settlement, full, fault, power_loss, reboot, died, phase."""

    x: float
    code: str
    text: str = ""


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a plot; None leaves a gap. ``code``: measured, forecast, budget, p50, p95; else ``label`` names it."""

    label: str
    xs: tuple[float, ...]
    ys: tuple[float | None, ...]
    code: str = ""


class Span(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stretch of a plot that a fault held on."""

    x: float
    x_end: float
    text: str = ""


class Figure(msgspec.Struct, frozen=True, omit_defaults=True):
    """One number beside a plot. ``code``: slope_bytes_per_sale, dies_on_day, feasible, accepted, ..."""

    code: str
    value: float


class Series(msgspec.Struct, frozen=True, omit_defaults=True):
    """One plot. ``code``: free_space, memory, response_by_fill, acceptance. Units: us, day, sales, percent, bytes, s."""

    code: str
    x_unit: str
    y_unit: str
    lines: tuple[Line, ...]
    subject: str = ""
    """The device and volume, or the scenario."""
    marks: tuple[Mark, ...] = ()
    spans: tuple[Span, ...] = ()
    figures: tuple[Figure, ...] = ()
    y_most: float | None = None
    left_out: int = 0
    """Points or devices that were left out, to keep it small."""
