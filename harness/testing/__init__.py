"""What runs inside a user's own pytest: scenarios as items, runs as results to assert on. Loaded when one is wanted."""
