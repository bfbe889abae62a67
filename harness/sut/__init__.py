"""How terminal software is run in process: its own modules, clock, files and sockets, blocking in virtual time."""
