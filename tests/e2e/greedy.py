"""A greedy client of each kind beside a polite one with a key of its own that asks once a second, and what the polite one
sees of it: `python3 tests/e2e/greedy.py --seconds 60` prints a table of all kinds.

The loop's longest stall is measured from outside, by /healthz every 10 ms."""

import argparse
import asyncio
import contextlib
import json
import logging
import multiprocessing
import pathlib
import re
import resource
import socket
import ssl
import statistics
import sys
import tempfile
import time

import keyed_box
from harness import MODEL, resident_kib

MIB = 1024 * 1024


def more_descriptors():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16384), hard))


def request_bytes(key, body, path="/api/chat", announced=None):
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += f"Authorization: Bearer {key}\r\n" if key else ""
    length = len(body) if announced is None else announced
    return f"{head}Content-Length: {length}\r\n\r\n".encode() + body


def chat_body(text="[[text=hi]]", **more):
    return json.dumps({"model": MODEL, "stream": False, "messages": [{"role": "user", "content": text}], **more}).encode()


class Greedy:
    """One greedy client, in a process of its own; `kind` is a method."""

    def __init__(self, port, key, page=""):
        self.port = port
        self.key = key
        self.page = page
        # Where to ask from. Else the kernel chooses; a port of a socket that was bound is nobody's for a minute, and the
        # polite client soon finds none.
        self.address = None

    def run(self, kind, ready):
        more_descriptors()
        logging.disable()  # asyncio's words of each connection that Corral closed
        asyncio.run(self.live(getattr(self, kind), ready))

    async def live(self, work, ready):
        ready.set()
        await work()

    async def many(self, count, one):
        async def again():
            while True:
                with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                    await one()
                await asyncio.sleep(0)
        await asyncio.gather(*(again() for _ in range(count)))

    async def post(self, data):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=self.address)
        with contextlib.closing(writer):
            writer.write(data)
            await writer.drain()
            await reader.read(4096)

    async def bodies(self):
        data = request_bytes(self.key, chat_body("x" * (15 * MIB)))
        await self.many(8, lambda: self.post(data))

    async def bodies_without_key(self):
        async def hold():
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            with contextlib.closing(writer):
                writer.write(request_bytes("", b"x" * MIB, announced=16 * MIB))
                await reader.read()
        await self.many(64, hold)

    async def slow_bodies(self):
        async def drip():
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            with contextlib.closing(writer):
                writer.write(request_bytes(self.key, b"x" * 1000, announced=MIB))
                while not writer.is_closing():
                    await writer.drain()
                    await asyncio.sleep(1)
                    writer.write(b"x")
        await self.many(256, drip)

    async def queue(self):
        data = request_bytes(self.key, chat_body("[[text=hi]]"))
        await self.many(560, lambda: self.post(data))

    async def idle(self):
        kept = []
        while True:
            with contextlib.suppress(OSError):
                kept.append(await asyncio.open_connection("127.0.0.1", self.port))
            if len(kept) > 8000:
                kept.pop(0)[1].close()
            await asyncio.sleep(0)

    async def handshakes(self):
        """From an address of its own: no key is known before the handshake, so the address is the share."""
        self.address = ("127.0.0.2", 0)
        await self.hellos()

    async def handshakes_of_one_address(self):
        await self.hellos()

    async def hellos(self):
        out = ssl.MemoryBIO()
        told = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost")
        with contextlib.suppress(ssl.SSLWantReadError):
            told.do_handshake()
        hello = out.read()
        await self.many(64, lambda: self.post(hello))

    async def stops(self):
        data = request_bytes(self.key, chat_body(options={"stop": ["ab%d" % (i % 10) for i in range(98_000)]}))
        await self.many(32, lambda: self.post(data))

    async def tools(self):
        one = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {
            "type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a"]}}}
        data = request_bytes(self.key, chat_body(tools=[one] * 6_000))
        await self.many(16, lambda: self.post(data))

    async def values(self):
        """As much as may be in one body, of the shapes that cost most."""
        body = b'{"model":"sim","x":[' + b"[[[1]]]," * 30_000 + b"1]}"
        data = request_bytes(self.key, body)
        await self.many(16, lambda: self.post(data))

    async def slow_readers(self):
        async def reads_little():
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1)
            with contextlib.closing(writer):
                for _ in range(200):
                    writer.write(b"GET /api/tags HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
                                 + self.key.encode() + b"\r\n\r\n")
                while await reader.read(1):
                    await asyncio.sleep(1)
        await self.many(512, reads_little)

    async def unread_pages(self):
        """The largest file that needs no key, and a buffer that takes next to nothing of it."""
        loop = asyncio.get_running_loop()

        async def asks_and_waits():
            with socket.socket() as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                sock.setblocking(False)
                await loop.sock_connect(sock, ("127.0.0.1", self.port))
                await loop.sock_sendall(sock, f"GET {self.page} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                await asyncio.sleep(3)
        await self.many(1200, asks_and_waits)

    async def refused_lingers(self):
        """A wrong key, and connections that stay open behind the refusal."""
        data = request_bytes("sk-corral-wrong", b"x" * 1000, announced=MIB)

        async def hold():
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            with contextlib.closing(writer):
                writer.write(data)
                await reader.read(4096)
                await asyncio.sleep(1)
        await self.many(1000, hold)

    async def variants(self):
        count = 0

        async def make():
            nonlocal count
            count += 1
            body = json.dumps({"model": f"v{count}", "from": MODEL, "system": "x" * 900_000, "stream": False}).encode()
            await self.post(request_bytes(self.key, body, "/api/create"))
        await self.many(4, make)


TLS_KINDS = ["handshakes", "handshakes_of_one_address"]
PLAIN_KINDS = ["bodies", "bodies_without_key", "slow_bodies", "queue", "idle", "stops", "tools", "values", "slow_readers",
               "unread_pages", "refused_lingers", "variants"]
ALL_AT_ONCE = "all_at_once"
KINDS = [*PLAIN_KINDS, *TLS_KINDS, ALL_AT_ONCE]


class Seen:
    """What the polite client saw."""

    def __init__(self):
        self.spans = []
        self.slowest = ""  # what Corral says of the stages of that request
        self.refusals = []
        self.stalls = []

    def p99(self):
        ordered = sorted(self.spans)
        return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] if ordered else float("nan")


async def ask_politely(box, key, until, period, seen):
    while time.monotonic() < until:
        begin = time.monotonic()
        reply = await asyncio.to_thread(box.request, "POST", "/api/chat", json.loads(chat_body("[[text=polite]]")),
                                        {**keyed_box.bearer(key), "X-Corral-Timing": "1"})
        span = time.monotonic() - begin
        if span > max(seen.spans, default=0):
            seen.slowest = reply.headers.get("Server-Timing", "")
        seen.spans.append(span)
        if reply.status != 200:
            seen.refusals.append((reply.status, reply.body[:200]))
        await asyncio.sleep(max(0.0, begin + period - time.monotonic()))


async def watch_the_loop(box, key, until, seen):
    """On one connection that stays, in the polite client's share: a new one would also measure the listen backlog."""
    with contextlib.closing(box.connect()) as connection:
        while time.monotonic() < until:
            begin = time.monotonic()

            def look():
                connection.request("GET", "/healthz", headers=keyed_box.bearer(key))
                connection.getresponse().read()
            try:
                await asyncio.to_thread(look)
                seen.stalls.append(time.monotonic() - begin)
            except OSError:
                connection.close()  # it yielded its place; the next one is opened at once
            await asyncio.sleep(0.01)


def rss_mib(pid):
    return resident_kib(pid) / 1024


def look(box, polite, seconds, period=1.0):
    seen = Seen()

    async def both():
        until = time.monotonic() + seconds
        await asyncio.gather(ask_politely(box, polite, until, period, seen), watch_the_loop(box, polite, until, seen))
    asyncio.run(both())
    return seen


@contextlib.contextmanager
def greedy(box, key, kind):
    ready = multiprocessing.Event()
    page = re.search(rb'"(/ui/[^"]+[.]js)"', box.get("/ui").body)
    client = Greedy(box.port, key, page[1].decode() if page else "")
    processes = [multiprocessing.Process(target=client.run, args=(each, ready), daemon=True)
                 for each in (PLAIN_KINDS if kind == ALL_AT_ONCE else [kind])]
    for process in processes:
        process.start()
    ready.wait(10)
    if kind == ALL_AT_ONCE:
        box.source = ("127.0.0.9", 0)  # as a neighbour has: until its key is read, the address is the share
    try:
        yield
    finally:
        box.source = None
        for process in processes:
            process.kill()
            process.join()


def box_for(kind, folder):
    box = keyed_box.make_box(folder, tls=kind in TLS_KINDS)
    box.greedy_key = keyed_box.new_key(box, "greedy")
    return box


def row_of(kind, seconds):
    with tempfile.TemporaryDirectory() as folder, box_for(kind, pathlib.Path(folder)) as box:
        quiet = look(box, box.key, min(seconds, 15))
        before = rss_mib(box.process.pid)
        with greedy(box, box.greedy_key, kind):
            seen = look(box, box.key, seconds)
            during = rss_mib(box.process.pid)
        time.sleep(12)
        after = rss_mib(box.process.pid)
    print(f"{kind}: the slowest of {max(seen.spans) * 1000:.0f} ms: {seen.slowest}", file=sys.stderr)
    return (f"| {kind.replace('_', ' ')} | {len(seen.spans)} | {len(seen.refusals)} | {quiet.p99() * 1000:.0f} | "
            f"{statistics.median(seen.spans) * 1000:.0f} | {seen.p99() * 1000:.0f} | {max(seen.stalls) * 1000:.0f} | {before:.0f} / {during:.0f} / {after:.0f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="for each kind")
    parser.add_argument("kinds", nargs="*", default=KINDS, help=", ".join(KINDS))
    asked = parser.parse_args()
    print("| greedy with | polite requests | refused | p99 alone, ms | p50, ms | p99, ms | longest stall, ms | RSS before / during / after, MiB |")
    print("|---|---|---|---|---|---|---|---|")
    for kind in asked.kinds or KINDS:
        print(row_of(kind, asked.seconds), flush=True)


if __name__ == "__main__":
    main()
