"""Bundles made from runs, and runs made from bundles."""
