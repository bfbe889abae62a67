"""Crash points: one flow of a terminal cut at every instant that can matter, into every state that the medium allows.

A crash point is (what the history has promised so far) x (each message under way delivered or dropped) x (each legal image of
each volume), with PIN-pad keys, NVRAM, paper, clock and the host's ledger cut at the same instant. Each distinct state is
booted, trades, settles and is judged by all invariants. A flow runs once; its states are made from what was recorded.

scene (one terminal, one host, no chance) - tape (its history in memory) - timeline (instants of a recorded flow) - flows
(what is recorded) - states (legal states of each instant) - afterwards (the boot and the days after) - judging - explore.
Source: ALICE (OSDI'14) for states from one recorded run, Pathfinder (OOPSLA'25) for grouping them by the code that left
them, CrashMonkey (OSDI'18) for cutting at persistence points; the host cut with the disk is our own (design section 10).
"""
