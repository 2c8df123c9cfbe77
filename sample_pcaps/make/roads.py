"""The samples whose frames come wrapped: tags, labels, tunnels, fragments."""

from __future__ import annotations

from .lab import IPV6, Lab
from .programs import chat, curl, redis_cli, ssh
from .samples import CHAT, COMMANDS


def vlan_chat(lab: Lab) -> None:
    """Two netcats on VLAN 42."""
    with lab.network() as net:
        listener = lab.serve(net, 5000).netcat()
        with lab.capture(net, wrap="vlan", others=True):
            chat(net, listener, lab.server, 5000, CHAT)


def qinq_ssh(lab: Lab) -> None:
    """An ssh session inside two VLAN tags."""
    with lab.network() as net:
        server = lab.serve(net, 22).ssh()
        with lab.capture(net, wrap="qinq"):
            ssh(net, lab.server, server.folder / "key", "seq 1 200")


def gre(lab: Lab) -> None:
    """A page through GRE."""
    with lab.network("gre") as net:
        lab.serve(net, 80).nginx(lab.site())
        with lab.capture(net, wrap="gre"):
            curl(net, lab.server, ["/", "/logo.png"])


def vxlan(lab: Lab) -> None:
    """Redis and a page in a VXLAN network, ARP too."""
    with lab.network("vxlan") as net:
        lab.serve(net, 6379).redis()
        lab.serve(net, 80).nginx(lab.site())
        with lab.capture(net, wrap="vxlan", others=True):
            redis_cli(net, lab.server, COMMANDS)
            curl(net, lab.server, ["/index.html"])


def pppoe(lab: Lab) -> None:
    """IPv4 and IPv6 through a PPPoE session."""
    with lab.network("pppoe") as net:
        lab.serve(net, 80, lab.server, IPV6[1]).http_server(lab.site())
        with lab.capture(net, wrap="pppoe"):
            curl(net, lab.server, ["/style.css"])
            curl(net, IPV6[1], ["/table.json"])


def mpls(lab: Lab) -> None:
    """Two MPLS labels, other ones each way."""
    with lab.network("mpls") as net:
        lab.serve(net, 80).nginx(lab.site())
        with lab.capture(net, wrap="mpls"):
            curl(net, lab.server, ["/", "/table.json"])


def sixinfour(lab: Lab) -> None:
    """IPv6 through IPv4."""
    with lab.network("6in4") as net:
        lab.serve(net, 80, IPV6[1]).nginx(lab.site())
        with lab.capture(net, wrap="6in4"):
            curl(net, IPV6[1], ["/", "/logo.png"])


def ip_fragments(lab: Lab) -> None:
    """IPv4 and IPv6 fragments, in any order; lost ones make the kernels send again."""
    with lab.network() as net:
        lab.serve(net, 80, lab.server, IPV6[1]).http_server(lab.site(600))
        with lab.capture(net, wrap="fragments", shuffle_pieces=True, lost_pieces=0.04, seed=2):
            curl(net, lab.server, ["/log.txt"])
            curl(net, IPV6[1], ["/logo.png"])
