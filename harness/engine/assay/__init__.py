"""Assays: every shipped mutant against the checks, to show what the harness sees and what it would miss."""
