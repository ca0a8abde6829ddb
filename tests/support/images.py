"""Small container images, made of files of this machine without an engine."""
import hashlib
import io
import json
import pathlib
import re
import subprocess
import tarfile


def program_files(program):
    """A dynamic program of this machine and what it loads: path in the image to path here."""
    listed = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    libraries = re.findall(r"(?:=> )?(/\S+) \(0x", listed)
    return {path: path for path in (program, *libraries)}


def write_archive(archive, name, files, user=""):
    """Writes an image of `files` (path in it to path here) as a docker archive; `user` is what its
    processes run as unless they are told otherwise."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for target, source in files.items():
            data = pathlib.Path(source).resolve().read_bytes()
            entry = tarfile.TarInfo(target.lstrip("/"))
            entry.size, entry.mode = len(data), 0o755
            tar.addfile(entry, io.BytesIO(data))
    digest = hashlib.sha256(layer.getvalue()).hexdigest()
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "config": {"User": user, "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}}).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [name],
                            "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(archive, "w") as tar:
        for member, data in (("layer.tar", layer.getvalue()), ("config.json", config),
                             ("manifest.json", manifest)):
            entry = tarfile.TarInfo(member)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
