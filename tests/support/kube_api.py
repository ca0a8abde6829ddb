"""The API server as a test's own client sees it: JSON requests, and watches that never end."""
import http.client
import json
import threading
import time
import urllib.parse

MERGE_PATCH = "application/merge-patch+json"


class ApiError(Exception):
    """The server refused a request."""

    def __init__(self, status, text):
        super().__init__(f"{status}: {text[:500]}")
        self.status = status


class Api:
    """Requests as the cluster's admin, from any thread. A request that meets a connection which the
    server has closed is sent once more, so names of what it creates must be fixed."""

    def __init__(self, cluster):
        self._cluster = cluster
        self._of_thread = threading.local()

    def get(self, path):
        """The object, or None."""
        try:
            return self.request("GET", path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def answers(self):
        """Whether the server is there and can reach its etcd."""
        try:
            return self.get("/api/v1/namespaces/default") is not None
        except (OSError, http.client.HTTPException, ApiError):
            return False

    def items(self, path):
        return self.request("GET", path)["items"]

    def create(self, path, body):
        return self.request("POST", path, body)

    def patch(self, path, body):
        return self.request("PATCH", path, body, MERGE_PATCH)

    def delete(self, path, grace=None):
        """Deletes in the background; what is gone already is fine."""
        options = {"propagationPolicy": "Background"}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        try:
            self.request("DELETE", path, options)
        except ApiError as error:
            if error.status != 404:
                raise

    def request(self, method, path, body=None, content_type="application/json"):
        text = None if body is None else json.dumps(body)
        headers = {"Content-Type": content_type} if text else {}
        for last in (False, True):
            connection = getattr(self._of_thread, "connection", None) or self._cluster.connect()
            try:
                connection.request(method, path, text, headers)
                response = connection.getresponse()
                answer = response.read().decode()
            except (OSError, http.client.HTTPException):
                connection.close()
                self._of_thread.connection = None
                if last:
                    raise
                continue
            self._of_thread.connection = connection
            if response.status >= 300:
                raise ApiError(response.status, answer)
            return json.loads(answer)


class Follower:
    """Lists and watches one collection for ever, through restarts of the server. Tells each change
    as `on_change(deleted, object)` on a thread of its own; also what it learns by absence."""

    def __init__(self, cluster, path, on_change):
        self._cluster = cluster
        self._path = path
        self._on_change = on_change
        self._known = {}  # by UID
        self._stopped = False
        self._connection = None
        self._synced = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._synced.wait(30), f"no first list of {path}"

    def close(self):
        self._stopped = True
        connection = self._connection
        if connection and connection.sock:
            try:
                connection.sock.shutdown(2)
            except OSError:
                pass
        self._thread.join(5)

    def _run(self):
        while not self._stopped:
            try:
                self._connection = self._cluster.connect()
                self._watch(self._list())
            except (OSError, http.client.HTTPException, ValueError, ApiError, AttributeError):
                if not self._stopped:
                    time.sleep(0.1)
            finally:
                self._connection.close()

    def _get(self, query=None):
        query = f"?{urllib.parse.urlencode(query)}" if query else ""
        self._connection.request("GET", self._path + query)
        response = self._connection.getresponse()
        if response.status != 200:
            raise ApiError(response.status, response.read().decode(errors="replace"))
        return response

    def _list(self):
        answer = json.loads(self._get().read())
        present = {item["metadata"]["uid"]: item for item in answer["items"]}
        for uid in self._known.keys() - present.keys():
            self._on_change(True, self._known[uid])
        for uid, item in present.items():
            known = self._known.get(uid)
            if not known or version(known) != version(item):
                self._on_change(False, item)
        self._known = present
        self._synced.set()
        return answer["metadata"]["resourceVersion"]

    def _watch(self, since):
        response = self._get({"watch": "true", "resourceVersion": since, "timeoutSeconds": 3000})
        while line := response.readline():
            event = json.loads(line)
            if event["type"] == "ERROR":
                return
            item, deleted = event["object"], event["type"] == "DELETED"
            if deleted:
                self._known.pop(item["metadata"]["uid"], None)
            else:
                self._known[item["metadata"]["uid"]] = item
            self._on_change(deleted, item)


def version(item):
    return item["metadata"]["resourceVersion"]


def condition(item, kind):
    """A condition of an object; one that is absent reads as Unknown."""
    for found in item.get("status", {}).get("conditions", []):
        if found["type"] == kind:
            return found
    return {"status": "Unknown", "reason": "", "message": ""}


def owner_uid(item):
    """The UID of an object's controller, or ""."""
    for owner in item["metadata"].get("ownerReferences", []):
        if owner.get("controller"):
            return owner["uid"]
    return ""
