"""The system modules that terminal software gets instead of the real ones, answered by the device of whoever calls."""
