"""A Git server over HTTP that does what each repository's script says, however wrong that is.

    server = ScriptedGit()
    url = server.add("app", silent)

A script gets each request as an `Exchange` and answers, or does not, on the bare socket. When it
returns, the connection is kept for the next request if the script says so (`return True`).
"""
import dataclasses
import gzip
import os
import select
import socket
import subprocess
import threading
import time

from tests.support import git_wire


@dataclasses.dataclass
class Exchange:
    """One request, and the socket on which to answer it."""
    method: str
    target: str
    headers: dict
    body: bytes
    socket: socket.socket
    server: "ScriptedGit"

    @property
    def is_by_git(self):
        """Whether git itself asks, in the observer's child process."""
        return self.headers.get("user-agent", "").startswith("git/")

    @property
    def asks_for(self):
        """"capabilities", "ls-refs" or "fetch"."""
        if self.method == "GET":
            return "capabilities"
        return "ls-refs" if b"command=ls-refs" in self.body else "fetch"

    def send(self, data):
        self.socket.sendall(data)

    def answer(self, status, body=b"", length=None, content="", **headers):
        """A whole HTTP answer; `length` is what it claims. Returns True, to go on."""
        kind = content or ("application/x-git-upload-pack-" +
                           ("advertisement" if self.method == "GET" else "result"))
        head = {"Content-Type": kind, **headers,
                "Content-Length": len(body) if length is None else length}
        self.send(f"HTTP/1.1 {status} Any\r\n".encode() +
                  "".join(f"{name.replace('_', '-')}: {value}\r\n"
                          for name, value in head.items()).encode() + b"\r\n" + body)
        return True

    def hang(self):
        """Says nothing more until the other side has had enough, or the server closes."""
        while not self.server.closing:
            if select.select([self.socket], [], [], 0.2)[0] and not self.socket.recv(65536):
                return

    def trickle(self, data, seconds=1.0):
        """Sends a byte at a time."""
        for byte in data:
            if self.server.closing:
                return
            self.send(bytes([byte]))
            time.sleep(seconds)

    def flood(self, piece):
        """Sends it again and again until the other side has had enough."""
        while not self.server.closing:
            self.send(piece)


class ScriptedGit:
    """Serves on a free port of a loopback address; a thread for each connection."""

    def __init__(self, tls=None, address="127.0.0.1"):
        self.closing = False
        self.requests = []  # (repository, headers), as they came
        self._scripts = {}
        self._tls = tls
        self._listener = socket.create_server((address, 0), backlog=128)
        scheme = "https" if tls else "http"
        self.port = self._listener.getsockname()[1]
        self.url = f"{scheme}://{address}:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def add(self, name, script):
        """A repository that answers by this script; its URL."""
        self._scripts[name] = script
        return f"{self.url}/{name}.git"

    def close(self):
        self.closing = True
        self._listener.close()

    def requests_of(self, name):
        """The headers of all requests for a repository."""
        return [headers for asked, headers in list(self.requests) if asked == name]

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as reader:
                while (exchange := self._read(connection, reader)) and self._handle(exchange):
                    pass
        except (OSError, ValueError):
            return

    def _handle(self, exchange):
        name = exchange.target.split("/")[1].removesuffix(".git")
        self.requests.append((name, exchange.headers))
        script = self._scripts.get(name)
        return script(exchange) if script else exchange.answer(404)

    def _read(self, connection, reader):
        """The next request, or None."""
        first = reader.readline(8192).decode("latin-1").split()
        if len(first) != 3:
            return None
        headers = read_headers(reader)
        body = _read_body(reader, headers)
        return Exchange(first[0], first[1], headers, body, connection, self)


def read_headers(reader):
    """Those of a request whose first line has been read, by their names in lower case."""
    headers = {}
    while (line := reader.readline(65536).strip()):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    return headers


def _read_body(reader, headers):
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while (size := int(reader.readline().split(b";")[0], 16)):
            body += reader.read(size)
            reader.readline()
        reader.readline()
    else:
        body = reader.read(int(headers.get("content-length", "0")))
    return gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body


# Scripts.

def silent(exchange):
    exchange.hang()


def one_byte_a_second(exchange):
    exchange.trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + bytes(5000))


def repository(refs, pack=None, fetch=None):
    """A server of protocol version 2 with these refs; it answers a fetch with the pack, or as the
    script `fetch` does."""
    def script(exchange):
        if exchange.asks_for == "capabilities":
            return exchange.answer(200, git_wire.advertisement())
        if exchange.asks_for == "ls-refs":
            return exchange.answer(200, refs if isinstance(refs, bytes) else git_wire.refs(*refs))
        if fetch:
            return fetch(exchange)
        return exchange.answer(200, git_wire.fetched(pack))
    return script


class Living:
    """A healthy repository whose branch main a test moves: listed from memory, so that a poll costs
    the machine next to nothing, and fetched by the real `git upload-pack` from a `HostedRepository`,
    which several may share. `sick` is a script that answers in its place while it is set."""

    def __init__(self, hosted):
        self.hosted = hosted
        self.sick = None
        self.tip = hosted.commit()

    def push(self):
        """A new commit on main; its name."""
        self.tip = self.hosted.commit(self.tip)
        return self.tip

    def __call__(self, exchange):
        if self.sick:
            return self.sick(exchange)
        if exchange.asks_for == "capabilities":
            return exchange.answer(200, git_wire.advertisement())
        if exchange.asks_for == "ls-refs":
            return exchange.answer(200, git_wire.refs(
                (self.tip, "HEAD symref-target:refs/heads/main"), (self.tip, "refs/heads/main")))
        done = subprocess.run(
            ["git", "upload-pack", "--stateless-rpc", str(self.hosted.folder)],
            input=exchange.body, capture_output=True, check=True,
            env={"PATH": os.environ.get("PATH", os.defpath), "GIT_PROTOCOL": "version=2",
                 "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"})
        return exchange.answer(200, done.stdout)
