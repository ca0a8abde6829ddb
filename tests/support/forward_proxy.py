"""An HTTP proxy that remembers what it was asked: CONNECT, and requests in absolute form.

    proxy = ForwardProxy({"git.proxied.invalid": "127.0.0.1"}, "user", "password")
    observer = ...(environment={"HTTPS_PROXY": proxy.url, "HTTP_PROXY": proxy.url})
"""
import base64
import dataclasses
import select
import socket
import threading
import urllib.parse

from tests.support.scripted_git import read_headers


@dataclasses.dataclass
class Asked:
    """The head of one request to the proxy."""
    method: str
    target: str
    headers: dict

    @property
    def server(self):
        """(host, port) of the server that is meant."""
        url = urllib.parse.urlsplit(
            f"//{self.target}" if self.method == "CONNECT" else self.target)
        return url.hostname, url.port or 80

    @property
    def is_by_git(self):
        return self.headers.get("user-agent", "").startswith("git/")


class ForwardProxy:
    """Serves on a free port of `address`. `hosts` are the names that it knows, and where they are; with
    a user it wants credentials."""

    def __init__(self, hosts, user="", password="", address="127.0.0.1"):
        self.asked = []
        self._address = address
        self._hosts = hosts
        self._expected = ("Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
                          if user else "")
        self._connections = set()
        self._listener = None
        self.port = 0
        self.start()
        userinfo = f"{urllib.parse.quote(user, '')}:{urllib.parse.quote(password, '')}@" \
            if user else ""
        self.name = f"{address}:{self.port}"
        self.url = f"http://{userinfo}{self.name}"

    @property
    def servers(self):
        """The (host, port) of each server that was asked for."""
        return {asked.server for asked in list(self.asked)}

    def start(self):
        """Goes on at the same port."""
        self._listener = socket.create_server((self._address, self.port), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self):
        """Refuses connections from now on, and cuts those that there are."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._connections):
            connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            with connection:
                self._handle(connection)
        except (OSError, ValueError):
            pass
        finally:
            self._connections.discard(connection)

    def _handle(self, connection):
        # Without a buffer, which would keep what belongs into the tunnel.
        reader = connection.makefile("rb", buffering=0)
        first = reader.readline(8192).decode("latin-1").split()
        if len(first) != 3:
            return
        asked = Asked(first[0], first[1], read_headers(reader))
        self.asked.append(asked)
        given = asked.headers.get("proxy-authorization", "")
        if self._expected and given != self._expected:
            # As careless ones do, it says what it was given.
            body = f"not accepted: {given}".encode()
            connection.sendall(b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"proxy\"\r\n"
                               b"Content-Type: text/plain\r\nConnection: close\r\n"
                               b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            return
        host, port = asked.server
        if host not in self._hosts:
            connection.sendall(b"HTTP/1.1 502 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        with socket.create_connection((self._hosts[host], port), 10) as server:
            if asked.method == "CONNECT":
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                server.sendall(_as_to_a_server(asked))
            _pipe(connection, server)


def _as_to_a_server(asked):
    url = urllib.parse.urlsplit(asked.target)
    target = url.path + (f"?{url.query}" if url.query else "")
    headers = {name: value for name, value in asked.headers.items()
               if not name.startswith("proxy-") and name != "connection"}
    lines = [f"{asked.method} {target} HTTP/1.1", "Connection: close",
             *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _pipe(one, other):
    """Until either side closes."""
    while True:
        for source in select.select([one, other], [], [])[0]:
            data = source.recv(65536)
            if not data:
                return
            (other if source is one else one).sendall(data)
