"""The engine: one run from scenario to verdict, in a limited child process."""
