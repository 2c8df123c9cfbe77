"""Differences from the reference that are explained, one by one, with the frame that shows it.

Key: capture, stream (``"*"``: any), class of difference. A difference that stands here is not a failure; an
entry that no longer differs is one, so that the list cannot rot.
"""

from __future__ import annotations

DAMAGED = (
    "the reference stops at the damaged record after frame {0}; reading goes on at the next plausible one, "
    "and frame {1} is a whole TCP segment"
)

EXPLAINED: dict[tuple[str, str, str], str] = {
    (
        "pcapplusplus/crash-exception-cast-constructed-record",
        "172.16.2.181:36048 > 50.17.96.156:389",
        "extra_stream",
    ): DAMAGED.format(1, 2),
    (
        "pcapplusplus/igmplayer",
        "169.254.255.66:52926 > 169.254.100.98:443",
        "extra_stream",
    ): DAMAGED.format(2, 22),
    ("wireshark/ggg.pcap", "*", "extra_stream"): DAMAGED.format(3, 7),
    (
        "pcapplusplus/clusterfuzz-testcase-minimized-FuzzTarget-5755755617189888",
        "93.49.246.255:65241 > 250.255.255.0:80 #0",
        "size",
    ): "frame 1 has IP length 0 and a record that claims 2 GiB on the wire; more than 1 MiB is not believed",
}
