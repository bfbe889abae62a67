"""A run that goes on one step at a time, as somebody outside says: for state machines that search, and for people who try."""
