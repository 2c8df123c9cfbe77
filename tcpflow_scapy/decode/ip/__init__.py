"""IP, and what it carries."""
