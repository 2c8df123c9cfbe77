"""Well-formed HTTP messages, made by Hypothesis, and what an honest parser must say of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

TOKEN = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", min_size=1, max_size=12)
VALUE = st.text([chr(c) for c in range(0x21, 0x7F)], max_size=20)
FORBIDDEN = {
    "content-length", "transfer-encoding", "connection", "upgrade", "expect", "host", "proxy-connection",
    "content-encoding", "content-type", "te", "trailer", "keep-alive",
}  # fmt: skip
HEADERS = st.lists(st.tuples(TOKEN.filter(lambda name: name.lower() not in FORBIDDEN), VALUE), max_size=5)
BODY = st.binary(max_size=300)


@dataclass
class Made:
    """One message: its bytes, and what it means."""

    wire: bytes
    body: bytes
    headers: list[tuple[str, str]]
    method: str = ""
    target: str = ""
    status: int = 0
    trailers: list[tuple[str, str]] = field(default_factory=list)


def _lines(headers: list[tuple[str, str]]) -> bytes:
    return b"".join(f"{name}: {value}\r\n".encode() for name, value in headers)


@st.composite
def _framed(
    draw: st.DrawFn, headers: list[tuple[str, str]], body: bytes
) -> tuple[bytes, list[tuple[str, str]]]:
    """Header lines, empty line and body, framed one way or another; and the trailers."""
    if draw(st.booleans()):
        headers.append(("Content-Length", str(len(body))))
        return _lines(headers) + b"\r\n" + body, []
    headers.append(("Transfer-Encoding", "chunked"))
    trailers = draw(HEADERS)
    wire = bytearray(_lines(headers) + b"\r\n")
    cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=4)))
    for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True):
        if end > start:
            extension = draw(st.sampled_from([b"", b";a", b";name=value"]))
            size = draw(st.sampled_from([b"%x", b"%X", b"0%x"])) % (end - start)
            wire += size + extension + b"\r\n" + body[start:end] + b"\r\n"
    wire += b"0\r\n" + _lines(trailers) + b"\r\n"
    return bytes(wire), trailers


@st.composite
def requests(draw: st.DrawFn) -> Made:
    """A request that any parser accepts."""
    method = draw(st.sampled_from(["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS"]))
    target = "/" + draw(st.text("abc/?&=%20.-", max_size=20))
    headers = [("Host", "example.org"), *draw(HEADERS)]
    first = f"{method} {target} HTTP/1.1\r\n".encode()
    if draw(st.booleans()):
        return Made(first + _lines(headers) + b"\r\n", b"", headers, method, target)
    body = draw(BODY)
    rest, trailers = draw(_framed(headers, body))
    return Made(first + rest, body, headers, method, target, trailers=trailers)


@st.composite
def responses(draw: st.DrawFn, method: str = "GET") -> Made:
    """A response to a request with that method."""
    status = draw(st.sampled_from([200, 201, 204, 206, 302, 304, 404, 500]))
    headers = draw(HEADERS)
    first = f"HTTP/1.1 {status} {draw(st.sampled_from(['OK', 'Not Found', '']))}\r\n".encode()
    if status in (204, 304) or method == "HEAD":
        if status != 204 and draw(st.booleans()):
            headers = [*headers, ("Content-Length", "77")]  # allowed, and not to be believed
        return Made(first + _lines(headers) + b"\r\n", b"", headers, status=status)
    body = draw(BODY)
    headers = list(headers)
    rest, trailers = draw(_framed(headers, body))
    return Made(first + rest, body, headers, status=status, trailers=trailers)


@st.composite
def conversations(draw: st.DrawFn) -> list[tuple[Made, Made]]:
    """Requests and their responses."""
    asked = draw(st.lists(requests(), min_size=1, max_size=4))
    return [(request, draw(responses(request.method))) for request in asked]
