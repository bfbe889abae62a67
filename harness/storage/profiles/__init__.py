"""What each medium may lose at a power cut, one file per profile; ``registry.get(name)`` finds one."""
