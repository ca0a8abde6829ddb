"""Certificates for tests, made by openssl: authorities, and servers at 127.0.0.1."""
import base64
import ssl

from tests.support.cluster import run


class Authority:
    """A CA of its own; `file` is its certificate."""

    def __init__(self, folder, name):
        self._folder, self._name = folder, name
        self._key, self.file = folder / f"{name}-ca.key", folder / f"{name}-ca.crt"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "1", "-subj", f"/CN={name}", "-keyout", str(self._key),
            "-out", str(self.file))

    def server(self, host="IP:127.0.0.1", days=1):
        """What a server presents that this authority vouches for, as `host` ("IP:…" or "DNS:…");
        less than a day: it has expired."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server_pem(host, days))
        return context

    def server_pem(self, host="IP:127.0.0.1", days=1):
        """The same as one file with key and certificate."""
        base = f"{self._name}-{host.partition(':')[2]}-{days}"
        key, request, signed, extensions = (self._folder / f"{base}.{end}"
                                            for end in ("key", "csr", "crt", "ext"))
        extensions.write_text(f"subjectAltName={host}\n")
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-subj", "/CN=test", "-keyout", str(key), "-out", str(request))
        run("openssl", "x509", "-req", "-days", str(days), "-in", str(request), "-CA",
            str(self.file), "-CAkey", str(self._key), "-CAcreateserial", "-extfile",
            str(extensions), "-out", str(signed))
        pem = self._folder / f"{base}.pem"
        pem.write_text(key.read_text() + signed.read_text())
        return pem

    def encoded(self):
        """The certificate as a caBundle."""
        return base64.b64encode(self.file.read_bytes()).decode()
