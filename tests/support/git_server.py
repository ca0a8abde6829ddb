#!/usr/bin/env python3
"""A real Git server on loopback for tests: smart HTTP (protocol v0 to v2) by `git http-backend`.

Serves every repository below --root, bare or not, for reading and pushing. Writes "PORT PID" to
--port-file when it listens, and ends when its standard input closes, so that it cannot outlive the
test that started it.
"""

import argparse
import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
import time

import github_app


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Header and body are separate writes; with Nagle's algorithm each answer would wait 40 ms.
    disable_nagle_algorithm = True
    options = None
    app = None
    log_lock = threading.Lock()

    def do_GET(self):
        self.handle_git()

    def do_POST(self):
        self.handle_git()

    def handle_git(self):
        body = self.read_body()
        self.record()
        if self.options.delay:
            time.sleep(self.options.delay)
        if self.options.status:
            self.answer(self.options.status, [], b"refused by the test\n")
            return
        if self.app and "/api/v3/" in self.path:
            given = self.headers.get("Authorization", "")
            status, content = self.app.answer(self.path, given, body)
            self.answer(status, [("Content-Type", "application/json")],
                        json.dumps(content).encode())
            return
        if not self.is_authorized():
            # As careless servers do, it says what it was given.
            given = self.headers.get("Authorization", "nothing")
            self.answer(401, [("WWW-Authenticate", "Basic realm=test"),
                              ("Content-Type", "text/plain")],
                        f"not accepted: {given}\n".encode())
            return
        self.answer(*self.run_backend(body))

    def is_authorized(self):
        if self.app:
            return self.app.accepts(self.headers.get("Authorization", ""))
        if not self.options.authorization_file:
            return True
        with open(self.options.authorization_file, encoding="utf-8") as file:
            return self.headers.get("Authorization", "") in file.read().splitlines()

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return body

    def run_backend(self, body):
        path, _, query = self.path.partition("?")
        env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "GIT_PROJECT_ROOT": self.options.root,
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": "http.receivepack",
            "GIT_CONFIG_VALUE_0": "true",
            "GIT_CONFIG_KEY_1": "safe.directory",
            "GIT_CONFIG_VALUE_1": "*",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REMOTE_ADDR": self.client_address[0],
            "REMOTE_USER": "test",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }
        # Protocol v2 serves any object by its name; v0 does so only when it is configured.
        if not self.options.deny_sha:
            env["GIT_PROTOCOL"] = self.headers.get("Git-Protocol", "")
        done = subprocess.run(["git", "http-backend"], input=body, env=env,
                              stdout=subprocess.PIPE, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        status, headers = 200, []
        for line in head.decode("latin-1").split("\r\n"):
            name, _, value = line.partition(": ")
            if name.lower() == "status":
                status = int(value.split()[0])
            elif name:
                headers.append((name, value))
        return status, headers, content

    def answer(self, status, headers, content):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def record(self):
        if not self.options.request_log:
            return
        protocol = self.headers.get("Git-Protocol", "-")
        with self.log_lock, open(self.options.request_log, "a", encoding="utf-8") as log:
            log.write(f"{self.command} {self.path} {protocol}\n")

    def log_message(self, format, *args):
        pass


def end_with_stdin():
    while os.read(0, 4096):
        pass
    os._exit(0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", required=True, help="folder that holds the repositories")
    parser.add_argument("--port-file", required=True, help="gets 'PORT PID' once it listens")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--deny-sha", action="store_true",
                        help="speak protocol v0 and refuse commits that no ref points to")
    parser.add_argument("--status", type=int, default=0, help="answer everything with this code")
    parser.add_argument("--delay", type=float, default=0, help="seconds before each answer")
    parser.add_argument("--tls", help="speak TLS with the certificate and key of this PEM file")
    parser.add_argument("--authorization-file",
                        help="refuse requests whose Authorization is no line of this file")
    parser.add_argument("--github-app", metavar="FOLDER",
                        help="want tokens of the GitHub App in this folder (github_app.py)")
    parser.add_argument("--request-log", help="append 'METHOD PATH GIT-PROTOCOL' per request")
    Handler.options = parser.parse_args()
    if Handler.options.github_app:
        Handler.app = github_app.GithubApp(Handler.options.github_app)
    Handler.options.root = os.path.abspath(Handler.options.root)

    http.server.ThreadingHTTPServer.daemon_threads = True
    http.server.ThreadingHTTPServer.request_queue_size = 128
    server = http.server.ThreadingHTTPServer(("127.0.0.1", Handler.options.port), Handler)
    if Handler.options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(Handler.options.tls)
        # The handshake is the connection's own thread's, at its first read.
        server.socket = context.wrap_socket(server.socket, server_side=True,
                                            do_handshake_on_connect=False)
    partial = Handler.options.port_file + ".partial"
    with open(partial, "w", encoding="ascii") as file:
        file.write(f"{server.server_address[1]} {os.getpid()}\n")
    os.rename(partial, Handler.options.port_file)
    threading.Thread(target=end_with_stdin, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
