"""Makes the captures of this folder from real programs. Standard library only; Linux and root.

Two network namespaces, ``client`` and ``server``, hold the programs and their TCP stacks; a third,
between them, holds `bridge`, which passes every frame on by hand: it can lose, delay, double, reorder,
tag, tunnel, fragment and forge, and it writes the capture. See ``sample_pcaps/README.md``.
"""
