"""The gate of a release: a fixed part that shows known defects, then random runs until the time is over."""
