"""``harness import``: a field log as a scenario: who did what and when, and of what went wrong only what the log proves.

The log is CSV, JSON lines, a packet capture or messages in hexadecimal. Lines become records (``rows``, ``messages``), records
become actions and faults (``infer``), and these a scenario in which each names the line that it comes from (``write``). Card
numbers are compared and never kept: the scenario pays with test cards.

Models: actions at their times, per terminal; a reply that never came (the log goes on, and it is not there), a reset, a boot
that nobody asked for. Does not model: what the log does not say, such as how full the storage was: that is to be hunted for.
Source: domain.md section 7, article 3 (查日志) and section 1.1, whose messages a capture holds.
"""
