"""What a benchmark says: figures with their targets, and where the time goes."""

import msgspec


class Figure(msgspec.Struct, frozen=True):
    """One measured value. ``at_most``: the target is a ceiling, else a floor. ``aim`` is what one hopes for."""

    name: str
    value: float
    unit: str
    target: float | None = None
    at_most: bool = True
    aim: float | None = None
    spread: tuple[float, float] | None = None
    """The smallest and the largest of the repetitions."""

    @property
    def is_met(self) -> bool:
        """Whether the target is reached."""
        if self.target is None:
            return True
        return self.value <= self.target if self.at_most else self.value >= self.target


class Share(msgspec.Struct, frozen=True):
    """How much of a run's time is spent in one room's own code, builtins that it calls included."""

    room: str
    percent: float


class Report(msgspec.Struct, frozen=True):
    """Everything one benchmark found. ``notes`` say under which conditions."""

    sales_per_day: int
    repetitions: int
    figures: tuple[Figure, ...]
    rooms: tuple[Share, ...]
    notes: tuple[str, ...] = ()


def render(report: Report) -> str:
    """The report as two small tables."""
    lines = [f"{'figure':<52}{'value':>10}  {'target':<14}{'':<6}spread"]
    for figure in report.figures:
        target = verdict = ""
        if figure.target is not None:
            target = f"{'at most' if figure.at_most else 'at least'} {figure.target:g}"
            verdict = "ok" if figure.is_met else "MISS"
        spread = "" if figure.spread is None else f"{figure.spread[0]:.4g} to {figure.spread[1]:.4g}"
        value = f"{figure.value:.3g} {figure.unit}".rstrip()
        lines.append(f"{figure.name:<52}{value:>10}  {target:<14}{verdict:<6}{spread}".rstrip())
    lines.append("")
    lines.append("where the time of a run goes (own code by room, builtins with their callers)")
    for share in report.rooms:
        lines.append(f"  {share.room:<28}{share.percent:5.1f} %  {'#' * round(share.percent)}")
    lines.extend(("", *report.notes))
    return "\n".join(lines)
