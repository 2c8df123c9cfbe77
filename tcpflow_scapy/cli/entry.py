"""The way in and the way out: arguments, errors, exit codes. Nothing heavy is imported before its time."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType

from tcpflow_scapy import __version__
from tcpflow_scapy.cli.arguments import HelpWanted, VersionWanted, parse
from tcpflow_scapy.cli.messages import PROGRAM, STDOUT_CLOSED, say
from tcpflow_scapy.cli.settings import Settings, UsageError

DONE, FAILED, USAGE = 0, 1, 2
INTERRUPTED = 128 + signal.SIGINT
PIPE_CLOSED = 128 + 13

BLAS_THREADS = "OPENBLAS_NUM_THREADS"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; those of this process if not given.

    Returns
    -------
    int
        The exit code.
    """
    if sys.stderr is None:  # closed by who started this process: messages go nowhere
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    try:
        try:
            settings = parse(sys.argv[1:] if arguments is None else arguments)
        except HelpWanted:
            from tcpflow_scapy.cli.usage import usage

            return _print(usage())
        except VersionWanted:
            return _print(f"{PROGRAM} {__version__}\n")
        return _guarded(settings)
    except UsageError as error:
        say(f"{error} (-h prints help)")
        return USAGE
    except BrokenPipeError:
        # The reader has gone (`| head`). Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED


def _print(text: str) -> int:
    if sys.stdout is None:
        say(STDOUT_CLOSED)
        return FAILED
    sys.stdout.write(text)
    sys.stdout.flush()
    return DONE


def _guarded(settings: Settings) -> int:
    """The job, with every expected failure as one line."""
    from tcpflow_scapy.errors import FilterError, TcpflowError

    with suppress(ValueError):  # not in the main thread: then signals are someone else's business
        signal.signal(signal.SIGTERM, _terminate)
    try:
        if not settings.shell:
            _import_numpy_alone()
        from tcpflow_scapy.cli.job import run

        return run(settings)
    except FilterError as error:
        raise UsageError(f"filter {settings.expression!r}: {error}{_hint(settings)}") from None
    except (TcpflowError, ImportError) as error:
        say(str(error))
        return FAILED
    except MemoryError:
        say("out of memory")
        return FAILED
    except (BrokenPipeError, UsageError):
        raise
    except OSError as error:
        say(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return FAILED


def _import_numpy_alone() -> None:
    """numpy without the threads of its linear algebra.

    Nothing here has work for them, and starting them costs a tenth of a second of processor time. Programs
    that this one runs are not to notice.
    """
    if "numpy" in sys.modules or BLAS_THREADS in os.environ:
        return
    os.environ[BLAS_THREADS] = "1"
    try:
        import numpy  # noqa: F401
    finally:
        del os.environ[BLAS_THREADS]


def _hint(settings: Settings) -> str:
    """A shell's pattern after -r leaves files where the expression is."""
    words = settings.expression.split()
    files = [word for word in words if os.path.isfile(word)]
    return "; these are files: -l reads several captures" if files and files == words else ""


def _terminate(number: int, frame: FrameType | None) -> None:
    """SIGTERM unwinds like an exception, so that temporary files are removed."""
    raise SystemExit(128 + number)
