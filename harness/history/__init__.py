"""The history of a run: typed events in one total order, streamed to disk, and what reads them back."""
