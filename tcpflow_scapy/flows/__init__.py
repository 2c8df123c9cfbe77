"""Stage 4: columns of reassembly as objects and tables."""
