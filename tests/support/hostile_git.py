"""A Git server that answers with credentials where it can, to see who repeats them."""
import http.server
import threading


def packet(text):
    data = text.encode() + b"\n"
    return f"{len(data) + 4:04x}".encode() + data


class HostileGitServer:
    """Serves on an address that Pods reach. The path of a URL says how it answers:

    /redirect.git  sends elsewhere, to an address with a password and a token
    /refuse.git    wants credentials, and repeats some
    /error.git     ends the first answer with an error that holds a password and a token
    /fetch.git     has a commit, and ends the fetch of it so
    """

    COMMIT = "c0ffee" + "0" * 34

    def __init__(self, address, canary):
        self.seen = set()  # the paths that were asked for, without their query
        secret_url = f"https://robot:{canary}@git.example.com/a.git?private_token={canary}"
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.seen.add(self.path.partition("?")[0])
                self.reply(*outer.answer(self.path, secret_url, canary))

            def do_POST(self):
                self.rfile.read(int(self.headers.get("content-length") or 0))
                outer.seen.add(self.path)
                self.reply(200, packet(f"ERR no access to {secret_url}"))

            def reply(self, status, body):
                self.send_response(status)
                self.send_header("content-type", "application/x-git-upload-pack-" + (
                    "advertisement" if self.command == "GET" else "result"))
                self.send_header("set-cookie", f"session={canary}")
                if status == 302:
                    self.send_header("location", secret_url)
                if status == 401:
                    self.send_header("www-authenticate", f'Bearer realm="{secret_url}"')
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer((address, 0), Handler)
        self.url = f"http://{address}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, path, secret_url, canary):
        start = packet("# service=git-upload-pack") + b"0000"
        if path.startswith("/redirect.git"):
            return 302, b""
        if path.startswith("/refuse.git"):
            return 401, f"Authorization: Bearer {canary}".encode()
        if path.startswith("/error.git"):
            return 200, start + packet(f"ERR no access to {secret_url}")
        return 200, (start + packet(f"{self.COMMIT} HEAD\0symref=HEAD:refs/heads/main agent=git/2")
                     + packet(f"{self.COMMIT} refs/heads/main") + b"0000")

    def close(self):
        self._server.shutdown()
        self._server.server_close()
