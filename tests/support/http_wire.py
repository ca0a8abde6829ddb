"""HTTP/1.1 messages over asyncio streams, as far as a proxy of the Kubernetes API needs them."""
import dataclasses
import urllib.parse

# Of one header block, one line of a watch or one chunk.
MAX_BYTES = 64 * 1024 * 1024
HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length", "accept-encoding")


@dataclasses.dataclass
class Request:
    method: str
    target: str
    headers: list
    body: bytes

    @property
    def path(self):
        return self.target.partition("?")[0]

    @property
    def query(self):
        return dict(urllib.parse.parse_qsl(self.target.partition("?")[2]))

    @property
    def is_watch(self):
        return self.query.get("watch") in ("1", "true")

    def encode(self, host):
        headers = [(name, value) for name, value in self.headers
                   if name.lower() not in HOP_BY_HOP + ("host",)]
        headers += [("Host", host), ("Content-Length", str(len(self.body)))]
        return encode_head(f"{self.method} {self.target} HTTP/1.1", headers) + self.body


@dataclasses.dataclass
class Response:
    status: int
    headers: list
    body: bytes = b""
    chunked: bool = False
    pause: float = 0  # seconds before each byte of the body

    def encode(self):
        headers = [(n, v) for n, v in self.headers if n.lower() not in HOP_BY_HOP]
        headers.append(("Content-Length", str(len(self.body))))
        return encode_head(f"HTTP/1.1 {self.status} Any", headers) + self.body

    def encode_stream_head(self):
        headers = [(n, v) for n, v in self.headers if n.lower() not in HOP_BY_HOP]
        headers += [("Transfer-Encoding", "chunked"), ("Connection", "close")]
        return encode_head(f"HTTP/1.1 {self.status} Any", headers)


def encode_head(first_line, headers):
    lines = [first_line] + [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def encode_chunk(data):
    """An empty one ends the body."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


async def read_head(reader):
    """The first line and the headers."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers.append((name, value.strip()))
    return lines[0], headers


def header(headers, wanted, default=""):
    return next((value for name, value in headers if name.lower() == wanted), default)


async def read_request(reader):
    first_line, headers = await read_head(reader)
    method, target, _ = first_line.split(" ", 2)
    body = await reader.readexactly(int(header(headers, "content-length", "0")))
    return Request(method, target, headers, body)


async def read_response(reader, streamed):
    """A response; with `streamed`, a chunked body is left to `read_chunk`."""
    first_line, headers = await read_head(reader)
    response = Response(int(first_line.split(" ")[1]), headers)
    response.chunked = header(headers, "transfer-encoding").lower() == "chunked"
    if not response.chunked:
        response.body = await reader.readexactly(int(header(headers, "content-length", "0")))
    elif not streamed:
        while chunk := await read_chunk(reader):
            response.body += chunk
    return response


async def read_chunk(reader):
    """The next chunk of a body; an empty one is its end."""
    size = int((await reader.readline()).split(b";")[0] or b"0", 16)
    data = await reader.readexactly(size)
    await reader.readline()
    return data
