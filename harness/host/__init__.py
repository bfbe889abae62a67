"""The acquirer host: its ledger, sessions and batches, the dialects it speaks, and how slow it is.

Pure and synchronous: time comes in with each message, randomness as numbers in [0, 1), and nothing here waits.
"""
