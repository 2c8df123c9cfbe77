"""What stands behind a magic: words, options and the lines of a cell.

Quotes work as in a shell; backslashes do not, so that patterns, filters (``ip proto \\tcp``) and Windows
paths can be written as they are.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field


class BadArguments(ValueError):
    """What was typed cannot be understood; the message is one line for its author."""


def reason(error: Exception) -> str:
    """Why pandas refused an expression, in words, without the places in its parser."""
    if isinstance(error, (SyntaxError, NotImplementedError)):
        return "it is not a condition that pandas can read"
    return str(error) or type(error).__name__


@dataclass(slots=True)
class Arguments:
    """Words and options of one line."""

    words: list[str] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)
    """by name without dashes; an option without a value has an empty one"""

    def flag(self, name: str) -> bool:
        """Whether an option without a value was given."""
        return name in self.options


def split_words(line: str) -> list[str]:
    """Words of a line; quotes group, backslashes are characters like others."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    lexer.escape = ""
    try:
        return list(lexer)
    except ValueError:
        raise BadArguments("a quote is not closed; put text that holds a quote into the other kind") from None


def parse_line(line: str, options: Mapping[str, bool]) -> Arguments:
    """Words and ``--options``, in any order; what follows a ``--`` of its own are words.

    There are no short options. A word that begins with a dash is refused: taken for a word, ``-i`` would be
    searched for, and the answer would be empty.

    Parameters
    ----------
    line : str
    options : mapping of str to bool
        Names that are known, and whether they take a value (``--name value`` or ``--name=value``).

    Raises
    ------
    BadArguments
        For an option that is unknown, given twice or without its value, or a quote that is not closed.
    """
    found = Arguments()
    # A semicolon at the end means "do not show the result" to IPython.
    words = iter(split_words(line.rstrip().removesuffix(";")))
    for word in words:
        if word == "--":
            found.words += words
        elif not word.startswith("-") or word == "-":
            found.words.append(word)
        else:
            name, equals, value = word[2:].partition("=")
            if name not in options or not word.startswith("--"):
                known = ", ".join(f"--{name}" for name in options)
                asked = word.partition("=")[0]
                hint = "write -- before text that begins with a dash"
                raise BadArguments(f"unknown option {asked}; there are: {known}; {hint}")
            if options[name] and not equals:
                try:
                    value = next(words)
                except StopIteration:
                    raise BadArguments(f"--{name} needs a value") from None
            if equals and not options[name]:
                raise BadArguments(f"--{name} takes no value")
            if name in found.options:
                raise BadArguments(f"--{name} is given twice")
            found.options[name] = value
    return found


def parse_cell(cell: str, keys: Mapping[str, str]) -> dict[str, str]:
    """``key: value`` lines; empty lines and those that begin with ``#`` are passed over.

    Raises
    ------
    BadArguments
        For an unknown key, one given twice, or a line without a colon; it names the line.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(cell.splitlines(), 2):  # the magic itself is the first line
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        key, colon, value = text.partition(":")
        key = key.strip().lower().replace("-", "_")
        if not colon:
            raise BadArguments(f"line {number} is not of the form key: value")
        if key not in keys:
            raise BadArguments(f"line {number}: unknown key {key!r}; there are: {', '.join(keys)}")
        if key in found:
            raise BadArguments(f"line {number}: {key} is given twice")
        found[key] = value.strip()
    return found


_YES, _NO = ("yes", "true", "on", "1", ""), ("no", "false", "off", "0")


def truth(value: str, name: str) -> bool:
    """Yes or no, in the words people use."""
    if value.lower() in _YES:
        return True
    if value.lower() in _NO:
        return False
    raise BadArguments(f"{name} is yes or no, not {value!r}")


def number(value: str, name: str) -> float:
    """A number."""
    try:
        return float(value)
    except ValueError:
        raise BadArguments(f"{name} is a number, not {value!r}") from None


def whole(value: str, name: str) -> int:
    """A whole number that is not negative."""
    if not (value.isascii() and value.isdigit() and len(value) < 19):
        raise BadArguments(f"{name} is a whole number, not {value!r}")
    return int(value)
