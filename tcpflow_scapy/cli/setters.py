"""What each option does to `Settings`. Arguments are checked here, so that messages name the option."""

from __future__ import annotations

import shlex
from collections.abc import Callable

from tcpflow_scapy.cli.settings import Settings, UsageError

Apply = Callable[[Settings, str], None]

NAME_LETTERS = "ctTkmg"
"""Letters of -F that say something about names."""

MAX_GAP_LIMIT = (1 << 31) - 1


def switch(name: str, value: object = True) -> Apply:
    """An option that sets one value."""

    def apply(settings: Settings, _: str) -> None:
        setattr(settings, name, value)

    return apply


def text(name: str) -> Apply:
    """An option that keeps its argument as it is."""

    def apply(settings: Settings, argument: str) -> None:
        if not argument:
            raise UsageError(f"--{name} needs an argument that is not empty")
        setattr(settings, name, argument)

    return apply


def nothing(settings: Settings, argument: str) -> None:
    """An option whose effect is there anyhow."""


def number(option: str, argument: str) -> int:
    """A whole number.

    Raises
    ------
    UsageError
        `argument` is not one (tcpflow would silently take it for 0).
    """
    try:
        return int(argument)
    except ValueError:
        raise UsageError(f"{option} needs a whole number, not {argument!r}") from None


def add_capture(settings: Settings, argument: str) -> None:
    """-r."""
    settings.captures.append(argument)


def add_interface(settings: Settings, argument: str) -> None:
    """-i; a second one adds to the first."""
    if not argument:
        raise UsageError("-i needs the name of an interface")
    settings.interfaces.append(argument)


def _positive(option: str, argument: str) -> int:
    found = number(option, argument)
    if not 0 < found < 1 << 62:
        raise UsageError(f"{option} needs a positive number, not {argument}")
    return found


def _seconds(option: str, argument: str) -> float:
    try:
        seconds = float(argument)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < 1e9:
        raise UsageError(f"{option} needs a positive number of seconds, not {argument!r}")
    return seconds


def rotate_size(settings: Settings, argument: str) -> None:
    """--rotate-size."""
    settings.rotate_size = _positive("--rotate-size", argument)


def rotate_seconds(settings: Settings, argument: str) -> None:
    """--rotate-seconds."""
    settings.rotate_seconds = _seconds("--rotate-seconds", argument)


def limit_frames(settings: Settings, argument: str) -> None:
    """--count."""
    settings.count = _positive("--count", argument)


def limit_seconds(settings: Settings, argument: str) -> None:
    """--duration."""
    settings.duration = _seconds("--duration", argument)


def buffer_size(settings: Settings, argument: str) -> None:
    """--buffer-size."""
    settings.buffer_size = _positive("--buffer-size", argument)


def snaplen(settings: Settings, argument: str) -> None:
    """--snaplen."""
    settings.snaplen = _positive("--snaplen", argument)


def limit_bytes(settings: Settings, argument: str) -> None:
    """-b: a negative number is no limit, as in tcpflow."""
    limit = number("-b", argument)
    settings.max_bytes = None if limit < 0 else limit


def limit_gap(settings: Settings, argument: str) -> None:
    """-m."""
    settings.max_gap = number("-m", argument)
    if not 0 <= settings.max_gap <= MAX_GAP_LIMIT:
        raise UsageError(f"-m needs a number of bytes from 0 to {MAX_GAP_LIMIT}, not {argument}")


def set_timeout(settings: Settings, argument: str) -> None:
    """--timeout and -S tcp_timeout: 0 is never, as in tcpflow."""
    try:
        seconds = float(argument)
    except ValueError:
        seconds = -1
    if not 0 <= seconds < 1e9:
        raise UsageError(f"the timeout is a number of seconds, not {argument!r}")
    settings.timeout = seconds or None


def set_template(settings: Settings, argument: str) -> None:
    """-T replaces the template, and with it what earlier -F made of it."""
    settings.template = argument
    settings.name_letters.clear()


def add_name_letters(settings: Settings, argument: str) -> None:
    """-F."""
    for letter in argument:
        if letter == "X":
            settings.no_files = True
        elif letter == "M":
            settings.scanners.add("md5")
        elif letter in NAME_LETTERS:
            settings.name_letters.append(letter)
        else:
            raise UsageError(f"-F knows the letters {' '.join(NAME_LETTERS)} M X, not {letter!r}")


def print_named(settings: Settings, _: str) -> None:
    """-c."""
    settings.console = True


def print_bare(settings: Settings, _: str) -> None:
    """-C, whatever the order of the two."""
    settings.console = True
    settings.header = False


def set_order(settings: Settings, argument: str) -> None:
    """--order."""
    if argument not in ("packets", "stream", "conversation"):
        raise UsageError(f"--order is packets, stream or conversation, not {argument!r}")
    settings.order = argument


def be_quiet(settings: Settings, _: str) -> None:
    """-q."""
    settings.quiet, settings.verbose = True, 0


def be_verbose(settings: Settings, _: str) -> None:
    """-v."""
    settings.quiet = False
    settings.verbose += 1


def set_debug_level(settings: Settings, argument: str) -> None:
    """-d: tcpflow's levels as -q and -v."""
    level = number("-d", argument)
    settings.quiet = level == 0
    settings.verbose = 0 if level < 2 else 1 if level <= 10 else 2


SCANNERS = ("tcpdemux", "md5", "http", "netviz")
"""What can be done with streams: write them, hash them, take HTTP bodies out, draw a report."""


def _scanners(option: str, name: str) -> set[str]:
    if name == "all":
        return set(SCANNERS)
    if name not in SCANNERS:
        raise UsageError(f"{option} knows {', '.join(SCANNERS)} and all, not {name!r}")
    return {name}


def enable_all(settings: Settings, _: str) -> None:
    """-a."""
    settings.scanners |= set(SCANNERS)


def enable(settings: Settings, argument: str) -> None:
    """-e."""
    settings.scanners |= _scanners("-e", argument)


def enable_only(settings: Settings, argument: str) -> None:
    """-E: this one and nothing else; what a later -e enables comes on top."""
    settings.scanners = _scanners("-E", argument)


def disable(settings: Settings, argument: str) -> None:
    """-x."""
    settings.scanners -= _scanners("-x", argument)


def resume_from(settings: Settings, argument: str) -> None:
    """-R."""
    settings.resume.append(argument)


def print_json(settings: Settings, _: str) -> None:
    """-J: only says how to print, as in tcpflow, but is enough to print."""
    settings.console = True
    settings.json_lines = True


def enable_report(settings: Settings, value: str) -> None:
    """-S enable_report: yes or no by its first letter, as in tcpflow."""
    settings.enable_report = value[0] in "YyTt1"


def shift_times(settings: Settings, value: str) -> None:
    """-S tdelta."""
    try:
        settings.time_delta = float(value)
    except ValueError:
        raise UsageError(f"-S tdelta needs a number of seconds, not {value!r}") from None
    if not abs(settings.time_delta) < 1e10:
        raise UsageError(f"-S tdelta needs a number of seconds, not {value!r}")


def command(name: str) -> Apply:
    """A program to run on each file: split into arguments as a shell would, but no shell is run."""

    def apply(settings: Settings, value: str) -> None:
        try:
            words = shlex.split(value)
        except ValueError as error:
            raise UsageError(f"{value!r} is not a command: {error}") from None
        if not words:
            raise UsageError("the command is empty")
        setattr(settings, name, words)

    return apply


NAMED: dict[str, Apply | str] = {
    "tcp_timeout": set_timeout,
    "enable_report": enable_report,
    "tdelta": shift_times,
    "http_cmd": command("http_command"),
    "tcp_cmd": command("tcp_command"),
    "check_fcs": "is left out: frames with a wrong check sequence carry what was received",
    "http_alert_fd": "is left out: in Python, flows.export(..., on_file=function) tells of every file",
    "tcp_alert_fd": "is left out: in Python, flows.export(..., on_file=function) tells of every file",
    "netviz_histogram_size": "is left out: there is no address tree to bound",
    "netviz_histogram_dump": "is left out: there is no address tree to print",
    "packet-buffer-timeout": "is left out: frames come within a tenth of a second",
    "debug-prefix": "is left out: messages begin with the program's name",
}
"""What ``-S name=value`` can set: a function, or why it cannot."""


def set_named(settings: Settings, argument: str) -> None:
    """-S."""
    name, _, value = argument.partition("=")
    if not name or not value:
        raise UsageError(f"-S needs name=value, not {argument!r}")
    found = NAMED.get(name)
    if found is None:
        raise UsageError(f"-S knows no setting {name!r}; known: {', '.join(NAMED)}")
    if isinstance(found, str):
        raise UsageError(f"-S {name} {found}")
    found(settings, value)
