"""An HTTP/1.1 proxy between an operator and the API server that injects faults and keeps a record.

    proxy = Proxy(cluster)
    fault = proxy.add(Answer(503, verb="POST", path=r"/jobs$", times=2))
    ...
    assert len(fault.hits) == 2
    proxy.remove(fault)

The faults are those of tests/support/faults.py.
"""
import asyncio
import dataclasses
import re
import threading
import time
import urllib.parse

from tests.support import http_wire
from tests.support.faults import Cut, RequestFault, StreamFault
from tests.support.http_wire import Request

WRITES = ("POST", "PUT", "PATCH", "DELETE")


@dataclasses.dataclass
class Record:
    """One request; the status is 0 until, or if never, an answer was given."""
    at: float  # monotonic clock
    verb: str
    path: str
    agent: str
    query: dict
    status: int = 0

    @property
    def is_write(self):
        return self.verb in WRITES


class Proxy:
    """One proxy; several may run. `as_admin` talks to the API server with the admin's certificate,
    else the operator's own token must do. `tls` is a server's context, or None: plain HTTP."""

    def __init__(self, cluster, as_admin=True, tls=None):
        url = urllib.parse.urlsplit(cluster.state["apiServer"])
        self.records = []
        self.faults = []
        self._upstream = (url.hostname, url.port, cluster.tls(as_admin))
        self._connections = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = None
        self.port = 0
        self._call(self._listen(tls))
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self.port}"

    def add(self, fault):
        """The fault counts at once, after those that are there."""
        self.faults = self.faults + [fault]
        return fault

    def remove(self, fault):
        self.faults = [other for other in self.faults if other is not fault]

    def writes(self, since=0.0, path="", leases=False):
        """The writes that came since then; Events are left out, and leases unless asked for."""
        left_out = ("/events",) if leases else ("/events", "/leases")
        return [r for r in self.records if r.is_write and r.at >= since and re.search(path, r.path)
                and not any(part in r.path for part in left_out)]

    def requests(self, verb, path="", since=0.0):
        return [r for r in self.records if r.at >= since and re.fullmatch(verb, r.verb)
                and re.search(path, r.path)]

    def cut_connections(self):
        """Ends every connection of the operator at once."""
        self._call(self._abort())

    def restart(self, tls):
        """Ends all connections and listens at the same port with another certificate."""
        self._call(self._listen(tls))

    def close(self):
        self._call(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _listen(self, tls):
        await self._shut()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=tls,
                                                  limit=http_wire.MAX_BYTES, reuse_address=True)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _shut(self):
        if self._server:
            self._server.close()
        await self._abort()

    async def _abort(self):
        for task in list(self._connections):
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections, timeout=2)

    async def _serve(self, reader, writer):
        connection = _Connection(self, reader, writer)
        task = asyncio.current_task()
        self._connections.add(task)
        try:
            while await connection.exchange():
                pass
        except (Cut, OSError, ValueError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            connection.close()

    async def connect_upstream(self):
        host, port, tls = self._upstream
        return await asyncio.open_connection(host, port, ssl=tls, limit=http_wire.MAX_BYTES)


class _Connection:
    """One connection of the operator, and the one to the API server that belongs to it."""

    def __init__(self, proxy, reader, writer):
        self._proxy = proxy
        self._reader, self._writer = reader, writer
        self._up_reader = self._up_writer = None

    def close(self):
        self._writer.transport.abort()
        if self._up_writer:
            self._up_writer.transport.abort()

    async def exchange(self):
        """One request and its answer. False if the connection ends with it."""
        request = await http_wire.read_request(self._reader)
        verb = "WATCH" if request.is_watch else request.method
        agent = http_wire.header(request.headers, "user-agent")
        record = Record(time.monotonic(), verb, request.path, agent, request.query)
        self._proxy.records.append(record)
        faults = [fault for fault in self._proxy.faults if isinstance(fault, RequestFault)
                  and fault.matches(record) and fault.spend()]
        for fault in faults:
            if answer := await fault.before(request):
                return await self._send(record, answer)
        response = await self._forward(request)
        for fault in faults:
            await fault.after(request, response)
        if request.is_watch and response.status == 200:
            record.status = response.status
            await self._stream(record, response)
            return False
        return await self._send(record, response)

    async def _send(self, record, response):
        if self._reader.at_eof():
            raise Cut
        record.status = response.status
        data = response.encode()
        at_once = len(data) - len(response.body) if response.pause else len(data)
        self._writer.write(data[:at_once])
        await self._writer.drain()
        for position in range(at_once, len(data)):
            await asyncio.sleep(response.pause)
            self._writer.write(data[position:position + 1])
            await self._writer.drain()
        return True

    async def _forward(self, request: Request):
        if self._up_reader is None or self._up_reader.at_eof():
            if self._up_writer:
                self._up_writer.transport.abort()
            self._up_reader, self._up_writer = await self._proxy.connect_upstream()
        self._up_writer.write(request.encode("127.0.0.1"))
        await self._up_writer.drain()
        return await http_wire.read_response(self._up_reader, streamed=request.is_watch)

    async def _stream(self, record, response):
        """Passes a watch on line by line until one of both sides ends it."""
        self._writer.write(response.encode_stream_head())
        await self._writer.drain()
        passing = asyncio.ensure_future(self._pass_lines(record))
        # The operator sends nothing more, so all that can come from it is the end.
        leaving = asyncio.ensure_future(self._reader.read(1))
        try:
            await asyncio.wait((passing, leaving), return_when=asyncio.FIRST_COMPLETED)
            if passing.done():
                await passing
        finally:
            passing.cancel()
            leaving.cancel()

    async def _pass_lines(self, record):
        rest = b""
        while chunk := await http_wire.read_chunk(self._up_reader):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                await self._pass_line(record, line + b"\n")
        if any(fault.hides_end for fault in self._faults(record)):
            await asyncio.get_running_loop().create_future()
        self._writer.write(http_wire.encode_chunk(b""))
        await self._writer.drain()

    def _faults(self, record):
        return [fault for fault in self._proxy.faults
                if isinstance(fault, StreamFault) and fault.matches(record)]

    async def _pass_line(self, record, line):
        passed = [line]
        for fault in self._faults(record):
            if not fault.spend():
                continue
            await asyncio.sleep(getattr(fault, "seconds", 0))
            try:
                passed = [out for each in passed for out in fault.lines(each)]
            except Cut as cut:
                self._writer.write(http_wire.encode_chunk(cut.partial))
                await self._writer.drain()
                raise
        for out in passed:
            self._writer.write(http_wire.encode_chunk(out))
        await self._writer.drain()
