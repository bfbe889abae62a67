"""Faults: one file each. A fault strikes one device, tells whether it bit, and is lifted unless it is damage."""
