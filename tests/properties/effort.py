"""How many examples: 200 for a law unless ``TCPFLOW_SCAPY_EXAMPLES`` says otherwise, a fifth for its kin.

Without it the examples are the same in every run, so that a change is judged by what it changes; with it they
are drawn anew.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

CHOSEN = os.environ.get("TCPFLOW_SCAPY_EXAMPLES")
EXAMPLES = int(CHOSEN or 200)

law = settings(
    max_examples=EXAMPLES,
    derandomize=CHOSEN is None,
    deadline=None,
    database=None,
    print_blob=True,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
"""One of the three laws, or the byte map itself."""

kin = settings(law, max_examples=max(EXAMPLES // 5, 10))
"""What follows from a law, or is seldom wrong once it holds."""

costly = settings(law, max_examples=max(EXAMPLES // 20, 5))
