"""The n-th call fails, for every n: each storage, memory and link call of a flow in turn, once and for good.

gate (each call of the software, seen before it is made) - failure (which call, once or for good, told in the history) - on_disk,
on_link, on_memory (what a failing call does) - trials (the loop over n and what follows) - report, request, child.
Source: SQLite's test loops (sqlite.org/testing.html, sections 3.1 and 3.2: out-of-memory and I/O error testing, once and for
good, until the call is never reached); the flows and all that follows are those of crash points.
"""
