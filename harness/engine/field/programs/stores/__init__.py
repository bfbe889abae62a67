"""One module an engine: a ``Store`` with ``put``, ``read``, ``clear`` and ``close``."""
