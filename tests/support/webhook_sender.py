"""Sends webhooks as Git hosts do, and as strangers do."""
import base64
import hashlib
import hmac
import http.client
import itertools
import re
import socket
import time

_ids = itertools.count(1)


def hmac_of(key, message):
    return hmac.new(key, message, hashlib.sha256)


def signed_headers(provider, secret, body, delivery=None, now=None):
    """The headers of one delivery; each call makes a new one unless `delivery` names it."""
    delivery = delivery or f"delivery-{next(_ids)}"
    digest = hmac_of(secret.encode(), body).hexdigest()
    if provider == "GitHub":
        return {"X-GitHub-Event": "push", "X-GitHub-Delivery": delivery,
                "X-Hub-Signature-256": f"sha256={digest}"}
    if provider == "Gitea":
        return {"X-Gitea-Event": "push", "X-Gitea-Delivery": delivery, "X-Gitea-Signature": digest}
    if provider == "Generic":
        return {"X-Committest-Delivery": delivery,
                "X-Committest-Signature-256": f"sha256={digest}"}
    if not secret.startswith("whsec_"):
        return {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Event-UUID": delivery,
                "X-Gitlab-Token": secret}
    timestamp = str(int(time.time() if now is None else now))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac_of(key, f"{delivery}.{timestamp}.".encode() + body).digest()
    return {"webhook-id": delivery, "webhook-timestamp": timestamp,
            "webhook-signature": "v1," + base64.b64encode(digest).decode()}


class Receiver:
    """The observer's port for webhooks, as one of a repository's senders sees it."""

    def __init__(self, observer, namespace, name="app"):
        found = re.findall(r"webhookPort=\"?(\d+)", observer.log.read_text(errors="replace"))
        self.port = int(found[-1])
        self.path = f"/webhooks/{namespace}/{name}"

    def connect(self, source="127.0.0.1", seconds=30):
        return socket.create_connection(("127.0.0.1", self.port), seconds, (source, 0))

    def send(self, body, headers, path=None, method="POST", source="127.0.0.1"):
        """One request on a connection of its own: the answer's status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, 30, (source, 0))
        try:
            connection.request(method, path or self.path, body, headers)
            response = connection.getresponse()
            self.answer = response.read().decode()
            return response.status
        finally:
            connection.close()

    def deliver(self, provider, secret, body=b"{}", source="127.0.0.1", **delivery):
        """A genuine delivery: the answer's status."""
        return self.send(body, signed_headers(provider, secret, body, **delivery), source=source)

    def raw(self, data, source="127.0.0.1"):
        """Bytes as they are; what comes back until the connection is closed."""
        with self.connect(source) as connection:
            answer = b""
            try:
                connection.sendall(data)
            except OSError:
                pass  # Refused while it was sent; the answer may be there all the same.
            try:
                while piece := connection.recv(65536):
                    answer += piece
            except OSError:
                pass
            return answer
