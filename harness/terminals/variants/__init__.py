"""Correct terminals that take one countermeasure more than the reference: what the trade's articles advise, tried out."""
