"""The acquirer on a real wire: the same host, links and faults as in a run, in real time."""
