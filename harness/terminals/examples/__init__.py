"""Terminals to learn from: complete, small, each with its dialect file where it needs one."""
