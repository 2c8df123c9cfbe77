"""Flows while they happen: capture from the wire, and what has been seen so far as a table."""
