"""Ground floor: virtual time, named random streams, decisions, the registry, errors and limits."""
