"""The plain samples: one function each. What is peculiar is in its orders to the bridge."""

from __future__ import annotations

import gzip
import time

from .lab import IPV6, Lab
from .programs import chat, curl, netcat_get, redis_cli, s_client

CHAT = [
    "is the gauge at the weir back?",
    "since this morning, level 4.2",
    "and the pump house?",
    "no answer, the line is down",
    "then we drive out. bring the long cable",
    "will do, half an hour",
]

COMMANDS = """SET station:weir "level 4.2"
GET station:weir
LPUSH readings 4.1 4.2 4.4 4.3
LRANGE readings 0 -1
HSET pump state off since 06:40 operator nobody
HGETALL pump
INCR visits
INCR visits
APPEND station:weir " rising"
GET station:weir
MGET station:weir nothing
TYPE readings
GET no:such:key
NOSUCHCOMMAND 1 2
DEL readings pump
"""


def http_ipv4(lab: Lab) -> None:
    """A page and all that belongs to it over one connection, then a form and a page that is not there."""
    with lab.network() as net:
        lab.serve(net, 80).nginx(lab.site())
        with lab.capture(net):
            curl(net, lab.server, ["/", "/style.css", "/logo.png", "/table.json"], "--compressed")
            curl(net, lab.server, ["/form"], "-d", "station=weir&level=4.2&note=rising+fast")
            curl(net, lab.server, ["/nowhere", "/index.html"])


def http_ipv6(lab: Lab) -> None:
    """Python's http.server: a connection for each file."""
    with lab.network() as net:
        lab.serve(net, 80, IPV6[1]).http_server(lab.site())
        with lab.capture(net, nanoseconds=True):
            curl(net, IPV6[1], ["/", "/style.css"])
            curl(net, IPV6[1], ["/logo.png"])


def tls(lab: Lab) -> None:
    """TLS 1.3, then TLS 1.2; the secrets of both sessions lie beside the capture."""
    keys = lab.keep / "tls.keys"
    keys.unlink(missing_ok=True)
    with lab.network() as net:
        lab.serve(net, 443).tls(lab.site())
        with lab.capture(net):
            s_client(net, lab.server, "/table.json", keys)
            s_client(net, lab.server, "/index.html", keys, "-tls1_2")


def redis(lab: Lab) -> None:
    """redis-cli and its server, without TCP timestamps: ACKs are so short that frames are padded."""
    with lab.network(stamps=False) as net:
        lab.serve(net, 6379).redis()
        with lab.capture(net, big_endian=True):
            redis_cli(net, lab.server, COMMANDS)


def loss_reordering(lab: Lab) -> None:
    """Two downloads over a bad road: lost before the capture, lost behind it, overtaken."""
    with lab.network() as net:
        lab.serve(net, 80).http_server(lab.site(2400))
        with lab.capture(net, seed=7, lost_before=0.03, lost_behind=0.03, late=0.06, late_ms=2.0):
            curl(net, lab.server, ["/log.txt"])
            curl(net, lab.server, ["/logo.png"])


def duplicates(lab: Lab) -> None:
    """A mirror port that shows every frame on its way in and on its way out."""
    with lab.network() as net:
        lab.serve(net, 80).nginx(lab.site())
        with lab.capture(net, twice=True):
            curl(net, lab.server, ["/", "/logo.png"])


def missed_frames(lab: Lab) -> None:
    """A capture that could not keep up: frames that did travel are not in it."""
    with lab.network() as net:
        lab.serve(net, 80).http_server(lab.site(900))
        with lab.capture(net, missed=0.08, seed=3):
            curl(net, lab.server, ["/log.txt"])
            curl(net, lab.server, ["/logo.png"])


def snaplen(lab: Lab) -> None:
    """Frames cut at 200 bytes."""
    with lab.network() as net:
        lab.serve(net, 80).nginx(lab.site(1500))
        with lab.capture(net, snaplen=200):
            curl(net, lab.server, ["/log.txt", "/style.css"])


def injection(lab: Lab) -> None:
    """Somebody beside the road answers the request first, with a redirect."""
    with lab.network() as net:
        lab.serve(net, 80).nginx(lab.site())
        with lab.capture(net, forge="redirect"):
            curl(net, lab.server, ["/index.html"])
            curl(net, lab.server, ["/style.css"])


def port_reuse(lab: Lab) -> None:
    """Four connections, one after the other, from the same port to the same port."""
    with lab.network() as net:
        lab.serve(net, 80).http_server(lab.site())
        with lab.capture(net):
            for path in ("/index.html", "/style.css", "/logo.png", "/table.json"):
                netcat_get(net, lab.server, path, 40_000)
                time.sleep(0.1)


def midstream(lab: Lab) -> None:
    """The capture begins in the middle of a download."""
    with lab.network() as net:
        lab.serve(net, 80).nginx(lab.site(1800))
        with lab.capture(net, start_after=24_000):
            curl(net, lab.server, ["/log.txt"])
            curl(net, lab.server, ["/table.json"])


def sequence_wrap(lab: Lab) -> None:
    """Sequence numbers pass 2^32 after 10,000 bytes of an answer; some frames lost and overtaken there."""
    with lab.network() as net:
        lab.serve(net, 80).nginx(lab.site(900))
        with lab.capture(net, wrap_sequence_at=10_000, lost_behind=0.05, late=0.1, seed=5):
            curl(net, lab.server, ["/log.txt"])


def gzipped(lab: Lab) -> None:
    """An ordinary capture in a gzip file, with ARP and ICMPv6 in it."""
    plain = lab.folder / "plain.pcap"
    with lab.network() as net:
        listener = lab.serve(net, 5000).netcat()
        with lab.capture(net, plain, others=True):
            chat(net, listener, lab.server, 5000, [*CHAT, *CHAT[:2]])
    lab.target.write_bytes(gzip.compress(plain.read_bytes(), 9, mtime=0))
