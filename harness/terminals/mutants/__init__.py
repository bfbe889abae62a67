"""Mutants: the reference terminal with one known defect each, named for it. An invariant that none of them trips is blind."""
