"""Benchmarks: what a run costs, as ratios to the same terminal code without the harness, measured in one process."""
