"""GitHub's side of an App: gives out installation tokens for JWTs that it has checked."""
import base64
import datetime
import json
import pathlib
import re
import subprocess
import tempfile
import time

APP = "12"
INSTALLATION = "345"
PATH = f"/api/v3/app/installations/{INSTALLATION}/access_tokens"


class GithubApp:
    """One App whose public key is `folder`/public.pem. `folder`/lifetime, if there, holds the seconds
    that a token lasts; tokens named in `folder`/revoked, one a line, are refused."""

    def __init__(self, folder):
        self._folder = pathlib.Path(folder)
        self._issued = []

    def answer(self, path, authorization, body):
        """Status and content for a POST of a request for a token."""
        problem = self._problem(authorization)
        if problem:
            return 401, {"message": f"{problem}: {authorization}"}
        if path != PATH:
            return 404, {"message": "no such installation"}
        if json.loads(body) != {"permissions": {"contents": "read"}}:
            return 422, {"message": "more rights than the App has"}
        lifetime = self._read("lifetime")
        end = time.time() + int(lifetime[0] if lifetime else 3600)
        self._issued.append(f"ghs_canary{len(self._issued)}")
        stamp = datetime.datetime.fromtimestamp(end, datetime.timezone.utc)
        return 201, {"token": self._issued[-1], "expires_at": stamp.strftime("%Y-%m-%dT%H:%M:%SZ")}

    def accepts(self, authorization):
        """Whether Git may be used with this header."""
        good = set(self._issued) - set(self._read("revoked"))
        return any(authorization == "Basic " + base64.b64encode(
            f"x-access-token:{token}".encode()).decode() for token in good)

    def _read(self, name):
        file = self._folder / name
        return file.read_text(encoding="utf-8").split() if file.exists() else []

    def _problem(self, authorization):
        match = re.fullmatch(r"Bearer ([\w-]+)\.([\w-]+)\.([\w-]+)", authorization)
        if not match:
            return "no JWT"
        header, claims, signature = (_decoded(part) for part in match.groups())
        if not self._is_signed(authorization.split()[1].rpartition(".")[0], signature):
            return "the signature is wrong"
        if json.loads(header) != {"alg": "RS256", "typ": "JWT"}:
            return "the header is wrong"
        claims, now = json.loads(claims), time.time()
        if claims.get("iss") != APP or not claims["iat"] <= now < claims["exp"] <= now + 600:
            return "the claims are wrong"
        return None

    def _is_signed(self, text, signature):
        with tempfile.NamedTemporaryFile() as file:
            file.write(signature)
            file.flush()
            done = subprocess.run(
                ["openssl", "dgst", "-sha256", "-verify", str(self._folder / "public.pem"),
                 "-signature", file.name], input=text.encode(), capture_output=True, check=False)
        return done.returncode == 0


def _decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
