"""Rows and values in, safe text or safe HTML out. A leaf: knows nothing of packets.

Everything that comes off the wire passes through here before a person sees it; see `escape`.
"""
