"""Virtual disks: volumes under CPython's io stack, an op log that is always on, and what each medium may lose."""
