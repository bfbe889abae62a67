"""The crash model held against real kernels: the same file operations on a mounted file system, cut, mounted and read."""
