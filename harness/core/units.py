"""Units of virtual time. The clock is an integer number of microseconds since the run's first local midnight.

Integers keep long runs exact: a float of seconds loses microseconds after a few virtual months.
"""

US_PER_MS = 1_000
US_PER_SECOND = 1_000_000
US_PER_MINUTE = 60 * US_PER_SECOND
US_PER_HOUR = 60 * US_PER_MINUTE
US_PER_DAY = 24 * US_PER_HOUR


def seconds(value: float) -> int:
    """``value`` seconds as whole microseconds."""
    return round(value * US_PER_SECOND)


def clock_text(at_us: int) -> str:
    """``at_us`` as people read it in a story: day and time of day, e.g. ``day 2 13:42:07.120``."""
    day, rest = divmod(at_us, US_PER_DAY)
    hours, rest = divmod(rest, US_PER_HOUR)
    minutes, rest = divmod(rest, US_PER_MINUTE)
    whole_seconds, rest = divmod(rest, US_PER_SECOND)
    return f"day {day + 1} {hours:02d}:{minutes:02d}:{whole_seconds:02d}.{rest // US_PER_MS:03d}"
