"""Every limit of the reading side, in one place.

A capture is hostile until shown otherwise: no length field of a file decides alone how much memory,
disk or time is spent on it.
"""

from __future__ import annotations

BATCH_BYTES = 4 << 20
"""Bytes read at a time: large enough to make the per-batch work of later stages cheap, small enough
to stay in the processor's cache between the walk and the decoders."""

USUAL_FRAME = 262_144
"""Longest record that libpcap and Wireshark accept, whatever the header's snaplen says."""

MAX_FRAME = 16 << 20
"""Longest record accepted where the file's header announces longer ones."""

MAX_INTERFACES = 65_536
"""Interfaces in one pcapng section; further ones are reported and ignored."""

MAX_BYTE_ORDER_CHANGES = 1_000
"""Sections of a pcapng file that change the byte order: each costs a new walk."""

MAX_COMMENTS = 10_000
"""Comments kept of one source."""

MAX_PROBLEMS = 1_000
"""Problems listed for one file; the rest is counted."""

MAX_MENDS = 10_000
"""Damaged places of one file at which reading is taken up again."""

MAX_CANDIDATES = 50_000
"""Places of one file at which, after damage, a record chain is tried."""

MAX_NESTING = 2
"""Compressions inside one another."""

EXPANSION_FREE = 64 << 20
"""Decompressed bytes that are allowed whatever the ratio is."""

MAX_EXPANSION = 250
"""Decompressed bytes for one compressed byte, beyond `EXPANSION_FREE`. deflate reaches 1,032 on
zeros, others far more; captures compress 2 to 20 fold, monotonous ones 100 fold."""

MAX_SPOOL_BYTES = 1 << 40
"""Bytes of one temporary copy."""

DISK_RESERVE = 256 << 20
"""Bytes that a temporary copy leaves free on its file system."""
