"""What builds images: Docker where an engine answers, else buildah with a base of our own."""

from __future__ import annotations

import pathlib
import shutil

from steps import StepFailed, Steps, capture, succeeds

BASE = "docker.io/library/debian:bookworm-slim"


class Engine:
    """Builds, keeps and hands out images. Not for use by two processes at once."""

    def prepare(self, steps: Steps) -> None:
        """Makes the base image available."""

    def base(self) -> str:
        """Which base images are built on; part of what an image depends on."""
        return BASE

    def has(self, image: str) -> bool:
        raise NotImplementedError

    def build(self, steps: Steps, image: str, dockerfile: pathlib.Path, context: pathlib.Path,
              stage: str, arguments: dict[str, str]) -> None:
        """Builds `stage` of the Dockerfile, or its last one if that is empty."""
        raise NotImplementedError

    def clean(self, steps: Steps) -> None:
        """Removes images that lost their name to a newer one. Call it after the last build."""

    def save(self, steps: Steps, image: str, archive: pathlib.Path) -> None:
        raise NotImplementedError

    def push(self, steps: Steps, image: str) -> None:
        raise NotImplementedError


def _build_options(dockerfile, stage, arguments) -> list[str]:
    options = ["--file", str(dockerfile)]
    for name, value in arguments.items():
        options += ["--build-arg", f"{name}={value}"]
    return options + (["--target", stage] if stage else [])


class Docker(Engine):
    def has(self, image: str) -> bool:
        return succeeds(["docker", "image", "inspect", image])

    def build(self, steps, image, dockerfile, context, stage, arguments) -> None:
        steps.run(f"build {image}", ["docker", "build", "--tag", image,
                                     *_build_options(dockerfile, stage, arguments), str(context)])

    def save(self, steps, image, archive) -> None:
        steps.run(f"save {image}", ["docker", "save", "--output", str(archive), image])

    def push(self, steps, image) -> None:
        steps.run(f"push {image}", ["docker", "push", image], hint="docker login, perhaps")


class Buildah(Engine):
    """Without a daemon, with a storage of its own, and isolated by chroot, which works also where
    user namespaces do not, such as inside a container."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder
        (folder / "tmp").mkdir(parents=True, exist_ok=True)
        # Storage by copies works everywhere, but each step of a build copies the whole image.
        overlay = self._command("overlay")
        self._buildah = overlay if self._works(overlay) else self._command("vfs")

    def _command(self, driver: str) -> list[str]:
        # Cache mounts of builds are below $TMPDIR.
        return ["env", f"TMPDIR={self._folder / 'tmp'}", "buildah",
                "--root", str(self._folder / f"storage-{driver}"),
                "--runroot", str(self._folder / f"run-{driver}"), "--storage-driver", driver,
                # It would leave a mount behind for ever.
                *(["--storage-opt", "overlay.skip_mount_home=true"] if driver == "overlay" else [])]

    @staticmethod
    def _works(command: list[str]) -> bool:
        container = capture(command + ["from", "scratch"], check=False).strip()
        if not container:
            return False
        mounted = succeeds(command + ["mount", container])
        return succeeds(command + ["rm", container]) and mounted

    def prepare(self, steps: Steps) -> None:
        # A build that was killed leaves its working containers; they are whole copies.
        if capture(self._buildah + ["containers", "--quiet"]).strip():
            capture(self._buildah + ["rm", "--all"])
        if self.has(BASE):
            return
        archive = self._folder / "base.tar"
        if not archive.exists():
            if succeeds(self._buildah + ["pull", "--quiet", BASE], timeout=120):
                return
            script = pathlib.Path(__file__).resolve().parent.parent / "images/base"
            steps.run("make the base image from packages (no registry answers)",
                      [str(script), str(archive)])
        with steps.step(f"import {BASE}"):
            container = capture(self._buildah + ["from", "scratch"]).strip()
            capture(self._buildah + ["add", "--quiet", container, str(archive), "/"])
            capture(self._buildah + ["config", "--cmd", "bash", "--env",
                                     "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
                                     "/sbin:/bin", container])
            capture(self._buildah + ["commit", "--quiet", "--rm", container, BASE])

    def has(self, image: str) -> bool:
        return bool(capture(self._buildah + ["images", "--quiet", image], check=False).strip())

    def base(self) -> str:
        return capture(self._buildah + ["images", "--quiet", "--no-trunc", BASE],
                       check=False).strip()

    def build(self, steps, image, dockerfile, context, stage, arguments) -> None:
        steps.run(f"build {image}", self._buildah + [
            "build-using-dockerfile", "--isolation", "chroot", "--layers", "--pull-never",
            "--tag", image, *_build_options(dockerfile, stage, arguments), str(context)])

    def clean(self, steps: Steps) -> None:
        # Not sooner: the build stage, which all Dockerfiles share, has no name either.
        listed = capture(self._buildah + ["images", "--filter", "dangling=true", "--quiet",
                                          "--no-trunc"], check=False).split()
        if listed:
            with steps.step("remove what no image needs any more"):
                capture(self._buildah + ["rmi", *listed], check=False)

    def save(self, steps, image, archive) -> None:
        steps.run(f"save {image}", self._buildah + [
            "push", "--quiet", image, f"docker-archive:{archive}:{image}"])

    def push(self, steps, image) -> None:
        steps.run(f"push {image}", self._buildah + ["push", "--quiet", image, f"docker://{image}"],
                  hint="buildah login, perhaps")


def find_engine(folder: pathlib.Path) -> Engine:
    """`folder` is where buildah keeps its images."""
    if shutil.which("docker") and succeeds(["docker", "info"]):
        return Docker()
    if shutil.which("buildah"):
        return Buildah(folder)
    raise StepFailed("neither a Docker engine nor buildah is here: dev/deps/install images")
