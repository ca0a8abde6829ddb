"""A mutating admission webhook on loopback."""
import base64
import http.server
import json
import threading

class MutatingWebhook:
    """Allows every object that it is asked about, and changes it by a JSON patch."""

    def __init__(self, tls, changes):
        self.reviews = []  # names of the objects
        webhook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                webhook.reviews.append(review["request"]["name"])
                body = json.dumps(answer(review, changes)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format, *args):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def add(path, value):
    """One change; it replaces what is there, but in a list."""
    return {"op": "add", "path": path, "value": value}


def answer(review, changes):
    """The AdmissionReview with the changes."""
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": {
        "uid": review["request"]["uid"], "allowed": True, "patchType": "JSONPatch",
        "patch": base64.b64encode(json.dumps(changes).encode()).decode()}}
