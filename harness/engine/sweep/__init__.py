"""Sweeps: scenarios times seeds on supervised worker processes, their results kept as they finish."""
