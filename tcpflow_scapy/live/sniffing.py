"""`sniff`: open interfaces, a spool and an engine, and let them run."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from tcpflow_scapy.capture.limits import USUAL_FRAME
from tcpflow_scapy.capture.live.devices import BUFFER_SIZE, LiveOptions, Tap, default_interface
from tcpflow_scapy.capture.live.events import Event, EventLog
from tcpflow_scapy.capture.live.privileges import Account, become, find_account
from tcpflow_scapy.capture.live.pump import FrameLimit
from tcpflow_scapy.capture.live.sockets import open_tap
from tcpflow_scapy.capture.live.spool import LiveSpool
from tcpflow_scapy.errors import CaptureOSError
from tcpflow_scapy.live.preload import preload
from tcpflow_scapy.live.session import LiveCapture
from tcpflow_scapy.pipeline import MAX_GAP, check_options

if TYPE_CHECKING:
    from tcpflow_scapy.flows.flow import Flow


def sniff(
    iface: str | Sequence[str] | None = None,
    *,
    filter: str | None = None,
    spool: str | os.PathLike[str] | None = None,
    count: int | None = None,
    timeout: float | None = None,
    promisc: bool = True,
    snaplen: int = USUAL_FRAME,
    buffer_size: int = BUFFER_SIZE,
    rotate_bytes: int | None = None,
    rotate_seconds: float | None = None,
    overwrite: bool = False,
    chain: bool = True,
    user: str | None = None,
    on_flow: Callable[[Flow], object] | None = None,
    on_event: Callable[[Event], object] | None = None,
    idle: float | None = None,
    before: Callable[[LiveCapture], object] | None = None,
    **options: Any,
) -> LiveCapture:
    """Capture from interfaces; returns at once.

    Parameters
    ----------
    iface : str or sequence of str, optional
        One interface (a name, or Scapy's object), several, or ``"any"``. By default
        the first that is up and no loopback.
    filter : str, optional
        A pcap-filter expression; libpcap compiles it and the kernel runs it.
    spool : path, optional
        Where the frames go: a pcapng file that is whole at every moment, with a hash chain beside it. By
        default a temporary file, which goes away with the flows made from it.
    count : int, optional
        Stop after so many frames.
    timeout : float, optional
        Stop after so many seconds. (For a timeout of flows see `idle`.)
    promisc : bool
        Ask for frames to other machines, too. ``any`` never is promiscuous.
    snaplen : int
        Bytes kept of each frame.
    buffer_size : int
        Bytes of the kernel's buffer, for each interface.
    rotate_bytes, rotate_seconds : optional
        Go on in a new spool file when this one is as large, or as old.
    overwrite : bool
        Replace files that exist.
    chain : bool
        Keep the hash chain.
    user : str, optional
        Become this user once the interfaces are open: the whole process, for good.
    on_flow : callable, optional
        Called with each `Flow` as it ends, in a thread of the capture.
    on_event : callable, optional
        Called with each `Event` soon after it happened, in a thread of the capture.
    idle : float, optional
        Seconds of idleness after which a flow ends (`reassemble`'s ``timeout``).
    before : callable, optional
        Called with the capture before it begins.
    **options
        As for `reassemble`: ``overlap``, ``max_gap``, ``ignore_vlan``, ``ignore_encapsulation``,
        ``verify_checksums``, ``fragments``.

    Raises
    ------
    CaptureOSError
        An interface cannot be opened (the text says what right is missing, or which interfaces there
        are), or the spool cannot be made.
    FilterError
        libpcap refuses the expression.
    ValueError
        An option is out of range.
    """
    _check(count, timeout, idle)
    how = _reassembly(timeout=idle, **options)
    live_options = LiveOptions(
        filter=(filter or "").strip(), promisc=promisc, snaplen=snaplen, buffer_size=buffer_size
    )
    names = _names(iface)
    account = None
    if user is not None:
        account = find_account(user)
        preload()
    events = EventLog()
    taps: list[Tap] = []
    kept: LiveSpool | None = None
    live: LiveCapture | None = None
    limit = FrameLimit(count)
    try:
        # Interfaces first: nothing is to be left behind where there is no right to open them.
        for name in names:
            taps.append(open_tap(name, live_options))
        kept = LiveSpool(
            spool,
            events,
            overwrite=overwrite,
            rotate_bytes=rotate_bytes,
            rotate_seconds=rotate_seconds,
            chain=chain,
            owner=None if account is None else (account.uid, account.gid),
        )
        if account is not None:
            become(account)
            _check_folder(kept, account)
        live = LiveCapture(kept, events, how, timeout=timeout, on_flow=on_flow, on_event=on_event)
        if before is not None:
            before(live)
        while taps:
            live._add(taps[0], partial(open_tap, taps[0].name, live_options), live_options.filter, limit)
            # The capture's own from here on.
            del taps[0]
        live._start()
    except BaseException:
        if live is not None:
            live._give_up()
        for tap in taps:
            tap.close()
        if kept is not None:
            kept.discard()
        raise
    return live


def _names(iface: Any) -> list[str]:
    """Names of interfaces; Scapy's interface objects have them, too."""
    if iface is None:
        return [default_interface()]
    several = [iface] if isinstance(iface, str) or hasattr(iface, "network_name") else list(iface)
    names = [str(getattr(each, "network_name", each)) for each in several]
    if not names:
        raise ValueError("no interface is named")
    return list(dict.fromkeys(names))


def _check_folder(spool: LiveSpool, account: Account) -> None:
    """Who gave up his rights must still be able to begin the next file."""
    folder = spool.path.absolute().parent
    if spool.rotates and not os.access(folder, os.W_OK):
        raise CaptureOSError(f"the user {account.name!r} cannot make further files there", path=str(folder))


def _reassembly(
    *,
    overlap: str = "first",
    max_gap: int = MAX_GAP,
    timeout: float | None = None,
    ignore_vlan: bool = False,
    ignore_encapsulation: bool = False,
    verify_checksums: bool = False,
    fragments: str | None = None,
) -> dict[str, Any]:
    """Options of `reassemble`, checked."""
    return {
        "overlap": overlap,
        "max_gap": max_gap,
        "timeout": timeout,
        "ignore_vlan": ignore_vlan,
        "ignore_encapsulation": ignore_encapsulation,
        "verify_checksums": verify_checksums,
        "fragments": check_options(overlap, fragments, max_gap, timeout),
    }


def _check(count: Any, timeout: Any, idle: Any) -> None:
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise ValueError(f"count must be a positive number of frames or None, not {count!r}")
    for name, value in (("timeout", timeout), ("idle", idle)):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if value is not None and not (number and 0 < value < 1e9):
            raise ValueError(f"{name} must be a positive number of seconds or None, not {value!r}")
