"""Tags and tunnels: one file each, listed by number in `tables.py`."""
