"""What runs under the supervisor: one script, and for each engine the few calls that store and read records with it.

Nothing here may import the harness: the programs run as a shop's own would, with the engine and the standard library alone.
"""
