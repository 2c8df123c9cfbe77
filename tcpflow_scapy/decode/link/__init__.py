"""Link layers: one file each, listed by LINKTYPE in `tables.py`."""
