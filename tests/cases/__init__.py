"""Small captures that once went wrong, with the right answer beside each; see README.md in this folder."""
