"""A real sshd on loopback, as the user of the tests, through which Git repositories are reached."""
import os
import pathlib
import pwd
import socket
import subprocess

from tests.support.cluster import run, wait_for


class SshHost:
    """Takes one key; it ends with `close`, or with this process."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        for name in ("host", "user"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f",
                str(self.folder / name))
        # It does not start as root without this folder, which a service of the system makes.
        if os.getuid() == 0:
            pathlib.Path("/run/sshd").mkdir(exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        (self.folder / "config").write_text(
            f"ListenAddress 127.0.0.1:{self._port}\nHostKey {self.folder}/host\n"
            f"AuthorizedKeysFile {self.folder}/user.pub\nPidFile none\nStrictModes no\nUsePAM no\n"
            "PasswordAuthentication no\nPermitRootLogin prohibit-password\n"
            "AcceptEnv GIT_PROTOCOL\n")
        log = self.folder / "log"
        with log.open("wb") as out:
            self._child = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "/usr/sbin/sshd", "-D", "-e", "-f",
                 str(self.folder / "config")], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        wait_for("sshd", lambda: "Server listening" in log.read_text(), 20, 0.01)

    def close(self):
        self._child.terminate()
        self._child.wait(20)

    def url(self, repository):
        """Of a repository in a folder of this machine."""
        user = pwd.getpwuid(os.getuid()).pw_name
        return f"ssh://{user}@127.0.0.1:{self._port}{repository}"

    def key(self):
        return (self.folder / "user").read_text()

    def known_hosts(self):
        return f"[127.0.0.1]:{self._port} {(self.folder / 'host.pub').read_text()}"
