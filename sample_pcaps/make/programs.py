"""The real programs: servers on loopback of their namespace, each behind a relay that keeps what passes."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

from .network import CLIENT, HERE, SERVER, Network, run

NAME = "www.example.test"
"""Host name that clients ask for; RFC 6761 keeps .test free of owners."""

NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log; user root;
events {{ worker_connections 64; }}
http {{
  access_log off; sendfile on; keepalive_timeout 5;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  types {{ text/html html; text/css css; image/png png; application/json json; text/plain txt; }}
  gzip on; gzip_min_length 200; gzip_types text/css application/json text/plain;
  server {{ listen {listen}; root {site}; location /form {{ return 200 "thanks\\n"; }} }}
}}
"""

SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
PermitRootLogin prohibit-password
PrintMotd no
PrintLastLog no
"""


class Server:
    """One server program and the relay in front of it."""

    def __init__(
        self, net: Network, folder: Path, port: int, addresses: list[str], side: str = SERVER
    ) -> None:
        self.net, self.port, self.side = net, port, side
        self.folder = folder / f"port{port}"
        self.folder.mkdir()
        self.logs: list[Path] = []
        """what each relay kept"""
        self.hidden = 20_000 + port
        """port of the program itself, on loopback"""
        self._addresses = addresses

    def _run(self, *command: str | Path, folder: Path = HERE) -> None:
        self.net.start(self.side, *command, log=self.folder / "log", folder=folder)
        self._wait_and_relay()

    def _wait_and_relay(self) -> None:
        self.net.wait_for(self.side, self.hidden)
        relay = HERE / "make" / "relay.py"
        for number, address in enumerate(self._addresses):
            logs = self.folder / f"relay{number}"
            logs.mkdir()
            self.logs.append(logs)
            ends = (address, str(self.port), "127.0.0.1", str(self.hidden))
            self.net.start(self.side, sys.executable, relay, *ends, logs, log=self.folder / "log")
        self.net.wait_for(self.side, self.port)

    def nginx(self, site: Path) -> Server:
        """nginx: keep-alive, gzip, chunks."""
        config = self.folder / "nginx.conf"
        config.write_text(NGINX.format(folder=self.folder, listen=f"127.0.0.1:{self.hidden}", site=site))
        self._run(_program("nginx"), "-c", config, "-e", self.folder / "error.log")
        return self

    def http_server(self, site: Path) -> Server:
        """Python's http.server: HTTP/1.0, closes after each answer."""
        self._run(
            sys.executable, "-m", "http.server", str(self.hidden), "--bind", "127.0.0.1", "--directory", site
        )
        return self

    def redis(self) -> Server:
        """A Redis server that saves nothing."""
        self._run(
            _program("redis-server"), "--port", str(self.hidden), "--bind", "127.0.0.1",
            "--save", "", "--appendonly", "no", "--dir", self.folder,
            "--rename-command", "COMMAND", "",  # redis-cli would fetch 180 kB of help first
        )  # fmt: skip
        return self

    def tls(self, site: Path) -> Server:
        """openssl s_server with a key made for the occasion, serving files of `site`."""
        key, certificate = self.folder / "key.pem", self.folder / "cert.pem"
        run(
            _program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-keyout", key, "-out", certificate, "-days", "30", "-subj", f"/CN={NAME}",
        )  # fmt: skip
        self._run(
            _program("openssl"), "s_server", "-accept", f"127.0.0.1:{self.hidden}",
            "-key", key, "-cert", certificate, "-WWW", "-quiet", folder=site,
        )  # fmt: skip
        return self

    def ssh(self) -> Server:
        """sshd with keys made for the occasion."""
        for name in ("host_key", "key"):
            run(
                _program("ssh-keygen"),
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-C",
                "sample",
                "-f",
                self.folder / name,
            )
        config = self.folder / "sshd_config"
        config.write_text(SSHD.format(port=self.hidden, folder=self.folder))
        Path("/run/sshd").mkdir(exist_ok=True)
        self._run(_program("sshd"), "-D", "-e", "-f", config)
        return self

    def netcat(self) -> subprocess.Popen[bytes]:
        """netcat, listening for one connection; its keyboard is the stdin of what comes back."""
        listener = self.net.start(self.side, _program("nc"), "-N", "-l", "127.0.0.1", str(self.hidden))
        self._wait_and_relay()
        return listener


def curl(net: Network, address: str, paths: list[str], *options: str, port: int = 80) -> bytes:
    """One curl that asks for all `paths` over one connection, if the server lets it."""
    host = f"[{address}]" if ":" in address else address
    urls = [f"http://{NAME}:{port}{path}" for path in paths]
    return net.call(
        CLIENT, _program("curl"), "-s", "-m", "20", "--resolve", f"{NAME}:{port}:{host}", *options, *urls
    )


def netcat_get(net: Network, address: str, path: str, local_port: int, port: int = 80) -> bytes:
    """A request typed into netcat, from a port of our choice; the server hangs up first."""
    return net.call(
        CLIENT, _program("nc"), "-p", str(local_port), address, str(port),
        text=f"GET {path} HTTP/1.0\r\nHost: {NAME}\r\n\r\n".encode(), seconds=10,
    )  # fmt: skip


def redis_cli(net: Network, address: str, commands: str, port: int = 6379) -> bytes:
    """redis-cli, one command after the other."""
    return net.call(
        CLIENT, _program("redis-cli"), "-h", address, "-p", str(port), text=commands.encode(), seconds=10
    )


def s_client(net: Network, address: str, path: str, keys: Path, *options: str, port: int = 443) -> bytes:
    """openssl s_client that fetches one file and writes the session's secrets to `keys`."""
    return net.call(
        CLIENT, _program("openssl"), "s_client", "-connect", f"{address}:{port}", "-servername", NAME,
        "-quiet", "-keylogfile", keys, *options,
        text=f"GET {path} HTTP/1.0\r\nHost: {NAME}\r\n\r\n".encode(), seconds=10,
    )  # fmt: skip


def ssh(net: Network, address: str, key: Path, command: str, port: int = 22) -> bytes:
    """ssh that runs one command."""
    return net.call(
        CLIENT, _program("ssh"), "-p", str(port), "-i", key, "-F", "/dev/null", "-o", "BatchMode=yes",
        "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", f"root@{address}", command,
        seconds=20,
    )  # fmt: skip


def chat(net: Network, listener: subprocess.Popen[bytes], address: str, port: int, lines: list[str]) -> None:
    """Lines typed by turns into two netcats: the client's first; then the client hangs up."""
    caller = net.start(CLIENT, _program("nc"), "-N", address, str(port))
    time.sleep(0.2)
    for turn, line in enumerate(lines):
        keyboard = (listener if turn % 2 else caller).stdin
        assert keyboard is not None
        keyboard.write(line.encode() + b"\n")
        keyboard.flush()
        time.sleep(0.06)
    for side in (caller, listener):
        assert side.stdin is not None
        side.stdin.close()
        side.wait(timeout=5)


def _program(name: str) -> str:
    """Where a program is.

    Raises
    ------
    FileNotFoundError
        If it is nowhere, with its name.
    """
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        raise FileNotFoundError(f"{name} is not installed")
    return found
