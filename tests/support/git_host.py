"""A real Git server on loopback, and bare repositories on it whose history tests write commit by
commit."""
import os
import pathlib
import subprocess
import sys

from tests.support.certificates import Authority
from tests.support.cluster import ROOT, run, wait_for

# 2023, so that commits are neither of the future nor outside what any Git can hold.
FIRST_TIME = 1_700_000_000


class GitHost:
    """git_server.py over a folder; it ends with `close` or with this process."""

    def __init__(self, folder, *options):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        port_file = self.folder / ".port"
        self._child = subprocess.Popen(
            [sys.executable, str(ROOT / "tests/support/git_server.py"), "--root", str(self.folder),
             "--port-file", str(port_file), "--request-log", str(self.folder / ".requests"),
             *options], stdin=subprocess.PIPE)
        wait_for("a Git server", port_file.exists, 20, 0.01)
        self.url = f"http://127.0.0.1:{port_file.read_text().split()[0]}"

    def close(self):
        self._child.stdin.close()
        self._child.wait(20)

    def create(self, name, object_format="sha1"):
        """A new, empty repository."""
        return HostedRepository(self.folder / f"{name}.git", f"{self.url}/{name}.git",
                                object_format)

    def requests(self):
        """How many it has been sent."""
        log = self.folder / ".requests"
        return len(log.read_text().splitlines()) if log.exists() else 0


class AppHost(GitHost):
    """One that is a GitHub Enterprise Server as well, with an App: `secret()` is what the App's Secret
    holds, but for `privateKey`, which is `key`. Called by https at `host`."""

    def __init__(self, folder, host="127.0.0.1"):
        authority = Authority(folder, "git")
        pem = authority.server_pem(("IP:" if host == "127.0.0.1" else "DNS:") + host)
        run("openssl", "genrsa", "-out", str(folder / "app.pem"), "2048")
        run("openssl", "rsa", "-in", str(folder / "app.pem"), "-pubout", "-out",
            str(folder / "public.pem"))
        super().__init__(folder / "apps", "--tls", str(pem), "--github-app", str(folder))
        self.url = self.url.replace("http://127.0.0.1", f"https://{host}")
        self.key = (folder / "app.pem").read_text()
        self._authority = authority.file.read_text()

    def secret(self):
        return {"appID": "12", "installationID": "345", "apiURL": f"{self.url}/api/v3",
                "ca.crt": self._authority}


class HostedRepository:
    """A bare repository. Commits have no files and follow each other by a second."""

    def __init__(self, folder, url, object_format="sha1"):
        self.folder, self.url = pathlib.Path(folder), url
        self._count = 0
        self.folder.mkdir(parents=True)
        self.git("init", "-q", "--bare", "--initial-branch=main",
                 f"--object-format={object_format}")
        self.git("config", "uploadpack.allowFilter", "true")
        self._tree = self.git("hash-object", "-t", "tree", "-w", "--stdin")

    def git(self, *arguments, stdin=""):
        """Runs git in the repository; its output without the last line end."""
        date = f"{FIRST_TIME + self._count} +0000"
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, input=stdin, capture_output=True, text=True,
            check=False, env={
                "PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.folder),
                "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
                "GIT_AUTHOR_NAME": "Test", "GIT_AUTHOR_EMAIL": "test@example.com",
                "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_NAME": "Test",
                "GIT_COMMITTER_EMAIL": "test@example.com", "GIT_COMMITTER_DATE": date})
        assert done.returncode == 0, f"git {arguments[0]}: {done.stderr}"
        return done.stdout.rstrip("\n")

    def commit(self, *parents, subject=None):
        """A commit that no ref points to yet; no two are equal."""
        self._count += 1
        words = [word for parent in parents for word in ("-p", parent)]
        return self.git("commit-tree", self._tree, *words, "-m",
                        subject or f"Commit {self._count}")

    def chain(self, count, parent=None):
        """The names of that many commits, each on the one before, oldest first."""
        commits = []
        for _ in range(count):
            commits.append(self.commit(*([commits[-1]] if commits else [parent] if parent else [])))
        return commits

    def long_chain(self, count, parent):
        """The last of that many commits; for numbers at which `chain` takes too long."""
        lines, previous = [], parent
        for number in range(1, count + 1):
            self._count += 1
            lines.append(f"commit refs/import/x\nmark :{number}\n"
                         f"committer Test <test@example.com> {FIRST_TIME + self._count} +0000\n"
                         f"data 1\nx\nfrom {previous}\n")
            previous = f":{number}"
        self.git("fast-import", "--quiet", stdin="\n".join(lines) + "\n")
        tip = self.git("rev-parse", "refs/import/x")
        self.delete("refs/import/x")
        return tip

    def set(self, **branches):
        """Moves branches, wherever they were; in one transaction, so that no look sees half."""
        self.set_refs({f"refs/heads/{name}": commit for name, commit in branches.items()})

    def set_refs(self, refs):
        """Moves refs; None deletes one. In one transaction."""
        lines = [f"update {name} {target}\n" if target else f"delete {name}\n"
                 for name, target in refs.items()]
        self.git("update-ref", "--stdin", stdin="".join(["start\n", *lines, "prepare\ncommit\n"]))

    def delete(self, ref):
        self.git("update-ref", "-d", ref)

    def push(self, count=1, branch="main", parent=None):
        """New commits on a branch, at its tip or at `parent`; their names."""
        known = self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")
        commits = self.chain(count, parent or known or None)
        self.set(**{branch: commits[-1]})
        return commits
