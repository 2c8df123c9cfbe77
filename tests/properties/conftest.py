"""How many examples: 200 unless ``TCPFLOW_SCAPY_EXAMPLES`` says otherwise.

Without it the examples are the same in every run, so that a change is judged by what it changes; with it they
are drawn anew.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

EXAMPLES = os.environ.get("TCPFLOW_SCAPY_EXAMPLES")

settings.register_profile(
    "laws",
    max_examples=int(EXAMPLES or 200),
    derandomize=EXAMPLES is None,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("laws")
