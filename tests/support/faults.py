"""What can go wrong between an operator and the API server; tests/support/fault_proxy.py does it.

A fault of requests is spent on one request each time, a fault of streams on one line of a watch;
the streams that are open already are met, too. Verbs are GET, POST, PUT, PATCH, DELETE and WATCH.
"""
import asyncio
import json
import re
import time

from tests.support.http_wire import Response


class Cut(Exception):
    """The connection to the operator is to be closed at once."""


class Fault:
    """What goes wrong, with which requests. Keyword arguments: `verb` and `path` are patterns, the
    first to be matched whole, the second anywhere; the first `skip` matches go unharmed, then
    `times` matches do not, or all."""

    def __init__(self, verb=".*", path="", skip=0, times=None):
        self._verb = re.compile(verb)
        self._path = re.compile(path)
        self._skip = skip
        self._left = times
        self.hits = []  # when, on the monotonic clock

    def matches(self, record):
        return self._verb.fullmatch(record.verb) and self._path.search(record.path)

    def spend(self):
        """Whether this match is one that is to be harmed."""
        if self._skip > 0:
            self._skip -= 1
            return False
        if self._left == 0:
            return False
        if self._left is not None:
            self._left -= 1
        self.hits.append(time.monotonic())
        return True


class RequestFault(Fault):
    async def before(self, request):
        """Before the request goes to the server. Returns an answer to give instead, or None."""

    async def after(self, request, response):
        """Before the server's answer goes to the operator."""


class Delay(RequestFault):
    """The request goes on to the server later."""

    def __init__(self, seconds, **match):
        super().__init__(**match)
        self._seconds = seconds

    async def before(self, request):
        await asyncio.sleep(self._seconds)


class DelayAnswer(Delay):
    """What the server answers comes later; what was asked for is done."""

    async def before(self, request):
        pass

    async def after(self, request, response):
        await asyncio.sleep(self._seconds)


class Trickle(RequestFault):
    """The answer begins at once, and its body comes byte by byte and ever so slowly."""

    def __init__(self, seconds_per_byte, **match):
        super().__init__(**match)
        self.pause = seconds_per_byte

    async def after(self, request, response):
        response.pause = self.pause


class DropRequest(RequestFault):
    """The server never sees the request; the connection ends."""

    async def before(self, request):
        raise Cut


class DropResponse(RequestFault):
    """The server does what was asked; the connection ends without an answer."""

    async def after(self, request, response):
        raise Cut


class Silence(RequestFault):
    """Neither an answer nor an end of the connection."""

    async def before(self, request):
        await asyncio.get_running_loop().create_future()


class Answer(RequestFault):
    """The proxy refuses the request itself."""

    def __init__(self, status, reason="", message="refused by the test", retry_after=None, **match):
        super().__init__(**match)
        self._status, self._reason, self._message = status, reason, message
        self._retry_after = retry_after

    async def before(self, request):
        headers = [("Content-Type", "application/json")]
        if self._retry_after is not None:
            headers.append(("Retry-After", str(self._retry_after)))
        body = status_object(self._status, self._reason, self._message)
        return Response(self._status, headers, json.dumps(body).encode())


def status_object(code, reason, message):
    return {"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
            "code": code, "reason": reason, "message": message}


class StreamFault(Fault):
    # Whether the end of the stream is kept from the operator.
    hides_end = False

    def __init__(self, path="", **match):
        super().__init__(verb="WATCH", path=path, **match)

    def lines(self, line):
        """What the operator gets instead of this line. Raises Cut after what `partial` says."""
        raise NotImplementedError


class CutMidLine(StreamFault):
    """Half of an event, then the connection ends."""

    def lines(self, line):
        cut = Cut()
        cut.partial = line[:len(line) // 2]
        raise cut


class Freeze(StreamFault):
    """Nothing comes any more over the streams that are open by now, and they stay open."""
    hides_end = True

    def __init__(self, **match):
        super().__init__(**match)
        self._since = time.monotonic()

    def matches(self, record):
        return record.at < self._since and super().matches(record)

    def lines(self, line):
        return []


class ErrorEvent(StreamFault):
    """An ERROR event in place of an event, which is lost."""

    def __init__(self, code, reason, **match):
        super().__init__(**match)
        self._event = {"type": "ERROR", "object": status_object(code, reason, "said by the test")}

    def lines(self, line):
        return [json.dumps(self._event).encode() + b"\n"]


class Duplicate(StreamFault):
    """Each line comes twice."""

    def lines(self, line):
        return [line, line]


class DropBookmarks(StreamFault):
    def lines(self, line):
        return [] if b'"type":"BOOKMARK"' in line[:40] else [line]


class DelayLines(StreamFault):
    """Events come late, in their order."""

    def __init__(self, seconds, **match):
        super().__init__(**match)
        self.seconds = seconds

    def lines(self, line):
        return [line]
