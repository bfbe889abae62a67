"""Guided search: faults of runs that reached new behaviour are kept and changed a little. It never counts for a bound."""
