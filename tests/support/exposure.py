"""Where a secret of the observer could be seen."""
import json
import pathlib
import re
import threading
import urllib.request


class CommandLines(threading.Thread):
    """Every command line of this machine while it runs."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen, self._ending = set(), threading.Event()

    def run(self):
        while not self._ending.is_set():
            for file in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(file.read_bytes())
                except OSError:
                    pass

    def stop(self):
        self._ending.set()
        self.join()
        return b"\n".join(self.seen).decode(errors="replace")


def everything_shown(world):
    """What anybody can see of the observer: its log, metrics, objects, and files."""
    port = re.search(r'port="?(\d+)', world.observer.log.read_text()).group(1)
    pages = [urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10).read().decode()
             for path in ("/metrics", "/readyz")]
    objects = [world.api.items(path) for path in (
        world.repositories_path, world.tests_path, f"/api/v1/namespaces/{world.namespace}/events")]
    files = [file.read_text(errors="replace") for file in (world.folder / "mirrors").rglob("*")
             if file.is_file()]
    return "\n".join([world.observer.log.read_text(), *pages, json.dumps(objects), *files])
