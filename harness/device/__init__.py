"""One terminal's hardware: power, memory, clock, card reader, PIN pad, printer, display, its disk and its link."""
