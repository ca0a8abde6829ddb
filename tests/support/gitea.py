"""The Gitea of dev/gitea as its users and its administrator see it: the REST interface, pushes over
HTTP, and the history of deliveries on the page of a webhook."""
import base64
import dataclasses
import http.client
import json
import re
import secrets
import threading
import urllib.parse

from tests.support.cluster import Repository, run, wait_for


class GiteaError(Exception):
    """Gitea refused a request."""

    def __init__(self, what, status, text):
        super().__init__(f"{what}: {status}: {text[:500]}")
        self.status = status


@dataclasses.dataclass(frozen=True)
class User:
    """Who may log in, with a password or an access token in its place."""
    name: str
    password: str

    def header(self):
        pair = base64.b64encode(f"{self.name}:{self.password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}


@dataclasses.dataclass(frozen=True)
class Delivery:
    """One delivery of a webhook. `status` is what was answered; 0 if nothing was (yet)."""
    uuid: str
    status: int
    succeeded: bool


class Gitea:
    """Requests from any thread, over one connection for each."""

    def __init__(self, address, host, admin):
        """`address` is how it is reached from here, `host` how the observer reaches it."""
        self.address, self.host, self.admin = address, host, admin
        self._of_thread = threading.local()

    @classmethod
    def of_cluster(cls, cluster):
        """That of dev/gitea/install."""
        service = cluster.get("service", "gitea", "gitea")
        secret = cluster.get("secret", "gitea-admin", "gitea")
        return cls(service["spec"]["clusterIP"], "gitea.gitea.svc", User(
            *(base64.b64decode(secret["data"][key]).decode() for key in ("username", "password"))))

    def request(self, method, path, body=None, user=None):
        """A request to the REST interface, by the administrator unless told; returns its JSON."""
        headers = {**(user or self.admin).header(), "Content-Type": "application/json"}
        status, _, text = self._send(method, f"/api/v1{path}", json.dumps(body or {}), headers)
        if status >= 300:
            raise GiteaError(f"{method} {path}", status, text)
        return json.loads(text) if text.strip() else None

    def create_user(self, name=None):
        """A user with a password of its own."""
        user = User(name or f"user-{secrets.token_hex(3)}", secrets.token_urlsafe(12))
        self.request("POST", "/admin/users", {
            "username": user.name, "password": user.password,
            "email": f"{user.name}@example.com", "must_change_password": False})
        return user

    def create_token(self, user, *scopes):
        """An access token of the user, such as for "read:repository"."""
        return self.request("POST", f"/users/{user.name}/tokens", {
            "name": secrets.token_hex(4), "scopes": list(scopes)}, user)["sha1"]

    def delete_token(self, user, token):
        found, = (item["id"] for item in self.request(
            "GET", f"/users/{user.name}/tokens", user=user)
            if token.endswith(item["token_last_eight"]))
        self.request("DELETE", f"/users/{user.name}/tokens/{found}", user=user)

    def add_key(self, user, public_key):
        """A key with which the user may log in by ssh, in the form of a .pub file."""
        self.request("POST", "/user/keys", {
            "title": secrets.token_hex(4), "key": public_key.strip()}, user)

    def known_hosts(self):
        """The keys of `host` as a known_hosts file has them."""
        lines = run("ssh-keyscan", "-T", "20", self.address).splitlines()
        keys = [line.split(" ", 1)[1] for line in lines if line.startswith(f"{self.address} ")]
        assert keys, f"{self.address} shows no ssh key"
        return "".join(f"{self.host} {key}\n" for key in keys)

    def create_repository(self, user, name, folder, private=False):
        """An empty repository of the user, with a work tree in `folder`."""
        self.request("POST", "/user/repos", {
            "name": name, "private": private, "default_branch": "main"}, user)
        return GiteaRepository(self, user, name, folder)

    def log_in(self, user):
        """The cookies of a session, for `page`."""
        form = urllib.parse.urlencode({"user_name": user.name, "password": user.password})
        status, headers, _ = self._send("POST", "/user/login", form, {
            "Content-Type": "application/x-www-form-urlencoded"})
        if status != 303:
            raise GiteaError("log in", status, "")
        # The session's cookie comes twice; the later one counts.
        cookies = dict(value.split(";")[0].split("=", 1) for name, value in headers
                       if name.lower() == "set-cookie")
        return "; ".join(f"{name}={value}" for name, value in cookies.items())

    def page(self, path, cookies):
        """The HTML of a page."""
        status, _, text = self._send("GET", path, None, {"Cookie": cookies})
        if status != 200:
            raise GiteaError(f"GET {path}", status, text)
        return text

    def _send(self, method, path, body, headers):
        """Once more over a new connection if Gitea has closed the one at hand."""
        for last in (False, True):
            connection = getattr(self._of_thread, "connection", None) \
                or http.client.HTTPConnection(self.address, timeout=60)
            try:
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                text = response.read().decode(errors="replace")
            except (OSError, http.client.HTTPException):
                connection.close()
                self._of_thread.connection = None
                if last:
                    raise
                continue
            self._of_thread.connection = connection
            return response.status, response.getheaders(), text


class GiteaRepository(Repository):
    """A repository on Gitea and its work tree here."""

    def __init__(self, gitea, user, name, folder):
        self.gitea, self.user, self.name = gitea, user, name
        self.url = f"http://{gitea.host}/{user.name}/{name}.git"
        self.ssh_url = f"ssh://git@{gitea.host}/{user.name}/{name}.git"
        self._api = f"/repos/{user.name}/{name}"
        login = f"{user.name}:{urllib.parse.quote(user.password, safe='')}"
        super().__init__(folder, f"http://{login}@{gitea.address}/{user.name}/{name}.git")

    def push_refs(self, *refspecs):
        """One push, as `git push` would make it with these refspecs."""
        self.git("push", "-q", self.push_url, *refspecs)

    def remote_refs(self):
        """Names and commits of the refs that Gitea has, by git itself. Of a tag, that is the commit
        that it points to, which git lists after it."""
        lines = run("git", "ls-remote", self.push_url).splitlines()
        return {name.removesuffix("^{}"): commit
                for commit, name in (line.split("\t") for line in lines)}

    def create_pull_request(self, branch, title="Change"):
        """Asks to merge a branch into main; returns the number."""
        self._await_branch(branch)
        return self.gitea.request("POST", f"{self._api}/pulls", {
            "head": branch, "base": "main", "title": title}, self.user)["number"]

    def merge_pull_request(self, number):
        """Merges, once Gitea has found out that it can."""
        wait_for("Gitea to find the change mergeable", lambda: self.gitea.request(
            "GET", f"{self._api}/pulls/{number}", user=self.user)["mergeable"], 30)
        self.gitea.request("POST", f"{self._api}/pulls/{number}/merge", {"Do": "merge"}, self.user)

    def delete_branch(self, name):
        self._await_branch(name)
        self.gitea.request("DELETE", f"{self._api}/branches/{name}", user=self.user)

    def _await_branch(self, name):
        """Gitea's database learns of a push a moment later than its Git repository."""
        wait_for(f"Gitea to know the branch {name}", lambda: name in [
            branch["name"] for branch in self.gitea.request(
                "GET", f"{self._api}/branches", user=self.user)], 30)

    def rename(self, name):
        """Gives the repository another name; Gitea redirects from the old one."""
        self.gitea.request("PATCH", self._api, {"name": name}, self.user)
        self.name, self._api = name, f"/repos/{self.user.name}/{name}"

    def create_hook(self, url, secret, events=("push", "create", "delete")):
        """A signed webhook; returns its number."""
        return self.gitea.request("POST", f"{self._api}/hooks", {
            "type": "gitea", "active": True, "events": list(events),
            "config": {"url": url, "content_type": "json", "secret": secret}}, self.user)["id"]

    def delete_hook(self, number):
        self.gitea.request("DELETE", f"{self._api}/hooks/{number}", user=self.user)

    def deliveries(self, number):
        """The last deliveries of a webhook, newest first, from the page that people read."""
        text = self.gitea.page(f"/{self.user.name}/{self.name}/settings/hooks/{number}",
                               self.gitea.log_in(self.user))
        found = []
        for item in text.split('data-panel="#info-')[1:]:
            uuid = re.search(r'">([0-9a-f-]{36})</button>', item)[1]
            label = re.search(r'class="ui (green|red) label">(\d+)<', item)
            found.append(Delivery(uuid, int(label[2]) if label else 0,
                                  bool(label) and label[1] == "green"))
        return found

    def set_status(self, commit, state, context="ci/tests", description="", target_url=""):
        """A commit status, as a CI system reports it."""
        self.gitea.request("POST", f"{self._api}/statuses/{commit}", {
            "state": state, "context": context, "description": description,
            "target_url": target_url}, self.user)

    def statuses(self, commit):
        """The commit's statuses, newest first."""
        return self.gitea.request("GET", f"{self._api}/commits/{commit}/statuses", user=self.user)


def webhook_url(namespace, name):
    """Where the observer takes the webhooks of an ObservedRepository."""
    return f"http://committest-webhook.committest-system.svc/webhooks/{namespace}/{name}"
