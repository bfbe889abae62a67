"""One release on the data of another: up, down and up again, and cut at every step of each first boot."""
