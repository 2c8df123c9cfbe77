"""Every option of the command line, one entry each: letter, word, argument, meaning, what it sets.

The help text, the parser and the documentation are made from this table. An option of tcpflow that is left
out has an entry too, which says why and what to use instead.
"""

from __future__ import annotations

from dataclasses import dataclass

from tcpflow_scapy.cli import setters
from tcpflow_scapy.cli.setters import Apply, switch, text


@dataclass(frozen=True, slots=True)
class Option:
    """One option."""

    letter: str
    """tcpflow's letter; empty for options that tcpflow does not have"""
    word: str
    """long form; empty where there is none"""
    argument: str
    """name of its argument in the help; empty for a switch"""
    help: str
    """what it does; of a refused option: why it is refused"""
    apply: Apply | None = None
    """None: it is refused, or the parser itself knows it (-h, -V)"""

    @property
    def text(self) -> str:
        """How messages name it."""
        return f"-{self.letter}" if self.letter else f"--{self.word}"


_READ = "read a capture (pcap, pcapng and others, also compressed); may be repeated; - is standard input"
_INTERFACE = "capture until interrupted; may be repeated; any is every interface"
_SPOOL = "keep the frames: pcapng, with a hash chain beside it as FILE.chain (default: a temporary file)"
_OVERLAP = "which version of a byte counts: first (default), last, or as bsd, linux, windows ... roughly do"
_LETTERS = (
    "before names: t Unix time, T ISO time; folders of flows: k 1,000, m 10**6, g 10**9; "
    "c a count on every name; X no files; M hashes in the report"
)
_ORDER = (
    "packets: as captured, retransmissions too (default); stream: reassembled, one stream after another; "
    "conversation: both sides of each flow in order of time, with directions, times, gaps and conflicts"
)

_SETTINGS = (
    "one of tcpflow's settings: tcp_timeout=SECONDS, tdelta=SECONDS, enable_report=NO, "
    "tcp_cmd=COMMAND and http_cmd=COMMAND (run on each file; never through a shell)"
)
_SCANNERS = "tcpdemux (stream files), md5 (hashes), http (bodies), netviz (a page of pictures), or all"

INPUT = (
    Option("r", "read", "FILE", _READ, setters.add_capture),
    Option("R", "", "FILE", "read a capture only to finish connections of the others", setters.resume_from),
    Option("l", "", "", "the words are captures, not an expression", switch("words_are_captures")),
    Option("", "overlap", "POLICY", _OVERLAP, text("overlap")),
    Option("", "fragments", "POLICY", "the same for IP fragments (default: as --overlap)", text("fragments")),
    Option("m", "max-gap", "BYTES", "a jump in data of more begins a new flow (16777216)", setters.limit_gap),
    Option("", "timeout", "SECONDS", "idleness that ends a flow (default: none)", setters.set_timeout),
    Option("", "ignore-vlan", "", "packets of different VLANs may be one flow", switch("ignore_vlan")),
    Option(
        "",
        "ignore-encapsulation",
        "",
        "packets of different VLANs or tunnels may be one flow",
        switch("ignore_encapsulation"),
    ),
    Option("", "verify-checksums", "", "leave out what has a wrong checksum", switch("verify_checksums")),
    Option("S", "", "NAME=VALUE", _SETTINGS, setters.set_named),
)

LIVE = (
    Option("i", "interface", "NAME", _INTERFACE, setters.add_interface),
    Option("p", "", "", "do not ask for frames to other machines", switch("promiscuous", False)),
    Option("U", "user", "NAME", "become this user once the interfaces are open", text("user")),
    Option("", "spool", "FILE", _SPOOL, text("spool")),
    Option("", "rotate-size", "BYTES", "go on in a new spool file when one is as large", setters.rotate_size),
    Option("", "rotate-seconds", "SECONDS", "... or as old", setters.rotate_seconds),
    Option("", "count", "FRAMES", "stop after so many frames", setters.limit_frames),
    Option("", "duration", "SECONDS", "stop after so many seconds", setters.limit_seconds),
    Option("", "buffer-size", "BYTES", "the kernel's buffer (67108864)", setters.buffer_size),
    Option("", "snaplen", "BYTES", "keep no more of each frame (262144)", setters.snaplen),
    Option("", "list-interfaces", "", "print what can be captured from", switch("list_interfaces")),
    Option("", "verify-spool", "FILE", "compare a spool with its hash chain", text("verify_spool")),
)

OUTPUT = (
    Option("o", "outdir", "DIR", "folder for the files, made if absent (default: this one)", text("outdir")),
    Option("b", "max-bytes", "BYTES", "keep no more of each stream", setters.limit_bytes),
    Option("F", "", "LETTERS", _LETTERS, setters.add_name_letters),
    Option("T", "template", "TEXT", "names (default %A.%a-%B.%b%V%v%C%c)", setters.set_template),
    Option("a", "", "", "everything: hashes, HTTP bodies, report.pdf", setters.enable_all),
    Option("e", "", "NAME", f"enable {_SCANNERS}", setters.enable),
    Option("E", "", "NAME", "enable this and nothing else", setters.enable_only),
    Option("x", "", "NAME", "disable", setters.disable),
    Option("Z", "", "", "leave HTTP bodies compressed", switch("decode_bodies", False)),
    Option("", "http-requests", "", "with -e http or -a: bodies of requests too", switch("request_bodies")),
    Option("I", "", "", "beside each file NAME.findx: when each run of bytes came", switch("index")),
    Option("K", "", "", "one capture for each stream instead of its bytes", switch("split")),
    Option("w", "", "FILE", "the frames that are part of no flow, as a capture", text("unprocessed")),
    Option(
        "X", "", "FILE", "where the DFXML report goes (default: report.xml in the folder)", text("report")
    ),
    Option(
        "", "overwrite", "", "replace existing files instead of numbering or refusing", switch("overwrite")
    ),
    Option("", "table", "", "print the table of flows; files only with -o", switch("table")),
    Option("", "csv", "FILE", "the table of flows as CSV; files only with -o", text("csv")),
    Option("", "json", "FILE", "the table of flows as JSON Lines; files only with -o", text("json")),
    Option("", "parquet", "FILE", "the table of flows as Parquet; files only with -o", text("parquet")),
    Option("", "shell", "", "open IPython with the flows; files only with -o", switch("shell")),
)

CONSOLE = (
    Option("c", "console", "", "print payload, each packet with its stream's name", setters.print_named),
    Option("C", "", "", "print payload without names", setters.print_bare),
    Option("B", "binary", "", "print bytes as they are (they may command your terminal)", switch("raw")),
    Option("D", "hex", "", "print as hexadecimal dump", switch("hexadecimal")),
    Option("s", "", "", "print a dot for what cannot be shown (always so without -B)", setters.nothing),
    Option("J", "", "", "print JSON Lines: addresses, time, offset, payload", setters.print_json),
    Option("g", "", "", "colour by direction", switch("colour")),
    Option("0", "", "", "no newline after each packet", switch("newline", False)),
    Option("", "order", "ORDER", _ORDER, setters.set_order),
)

MESSAGES = (
    Option("q", "quiet", "", "no messages but errors", setters.be_quiet),
    Option("v", "verbose", "", "more messages; twice: still more", setters.be_verbose),
    Option("d", "", "LEVEL", "0 is -q, 2 to 10 is -v, more is -vv", setters.set_debug_level),
    Option("h", "help", "", "print this help"),
    Option("V", "version", "", "print the version"),
)

REFUSED = (
    Option("L", "", "NAME", "is left out: one run can read several captures, so runs need no lock"),
    Option("P", "", "", "is left out: tcpflow itself no longer has it"),
    Option("A", "", "TEXT", "is left out: tcpflow itself no longer uses it"),
    Option("z", "chroot", "DIR", "is left out: use chroot, unshare or a container"),
    Option("f", "", "NUMBER", "is left out: the number of open files is bounded without it"),
    Option("H", "", "", "is left out: -h says everything"),
)
"""Options of tcpflow that are refused with a line that says why."""

GROUPS: dict[str, tuple[Option, ...]] = {
    "Input": INPUT,
    "Live capture": LIVE,
    "Files and tables": OUTPUT,
    "Console": CONSOLE,
    "Messages": MESSAGES,
}
"""What the help shows, in order."""

OPTIONS: tuple[Option, ...] = (*INPUT, *LIVE, *OUTPUT, *CONSOLE, *MESSAGES, *REFUSED)
