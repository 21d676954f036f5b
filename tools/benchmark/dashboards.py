"""What open dashboards cost: the streams of answers of streams.py with so many followers of the box's events and without them,
in turn, and the processor time of Corral for the followers alone."""

from __future__ import annotations

import contextlib
import http.client
import selectors
import socket
import statistics
import threading
import time

from measure import percentile
from streams import MS, CorralStreams, Load, ask, processor_ns

LOAD = Load(4, 4, 100)  # 8 s of answers, as many as a box with a card gives
REST = 5.0  # seconds in which nothing but the followers is there
pause = threading.Event()  # never set


class Followers:
    """So many connections that read the events of the box, in one thread, and nothing more."""

    def __init__(self, port, count):
        self.port, self.count = port, count
        self.bytes = 0
        self.over = threading.Event()

    def __enter__(self):
        self.sockets = []
        for _ in range(self.count):
            one = socket.create_connection(("127.0.0.1", self.port), timeout=10)
            one.sendall(f"GET /corral/v1/events HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAccept: text/event-stream\r\n\r\n".encode())
            head = http.client.HTTPResponse(one)
            head.begin()
            if head.status != 200:
                raise SystemExit(f"a dashboard was refused with status {head.status}")
            self.sockets.append(one)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        return self

    def read(self):
        with selectors.DefaultSelector() as ready:
            for one in self.sockets:
                one.setblocking(False)
                ready.register(one, selectors.EVENT_READ)
            while not self.over.is_set():
                for key, _ in ready.select(0.1):
                    with contextlib.suppress(BlockingIOError):
                        data = key.fileobj.recv(1 << 18)
                        if not data:
                            raise SystemExit("the box has ended the stream of a dashboard")
                        self.bytes += len(data)

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        for one in self.sockets:
            one.close()


def once(box, count):
    """One repetition with so many followers."""
    with Followers(box.port, count) as followers:
        begun, spent = time.monotonic(), processor_ns(box.pids())
        pause.wait(REST)
        rest = (processor_ns(box.pids()) - spent) / 1e9 / (time.monotonic() - begun)
        begun, spent, read = time.monotonic(), processor_ns(box.pids()), followers.bytes
        seen = ask(box.port, LOAD)
        took = time.monotonic() - begun
        busy = (processor_ns(box.pids()) - spent) / 1e9 / took
        read = followers.bytes - read
        if count and not read:
            raise SystemExit("the dashboards were told nothing of the answers: their thread has ended, or the box sends no events")
    return {"idle_core_percent": rest * 100, "busy_core_percent": busy * 100, "delay_p50_ms": percentile(seen["delays_ns"], 50) / MS,
            "delay_p99_ms": percentile(seen["delays_ns"], 99) / MS, "first_p50_ms": percentile(seen["first_byte_ns"], 50) / MS,
            "events_kb_per_second": read / 1000 / took}


def measured(folder, count, runs):
    """{followers: [figures of each repetition]}; none and all of them take turns."""
    out = {0: [], count: []}
    with CorralStreams(folder / "dashboards", LOAD.streams) as box:
        ask(box.port, Load(LOAD.streams, 1, 5))
        for _ in range(runs):
            for one in out:
                out[one].append(once(box, one))
    return out


def text(figures):
    names = list(next(iter(figures.values()))[0])
    lines = ["| median | " + " | ".join(f"{count} dashboards" for count in figures) + " |", "|---" * (len(figures) + 1) + "|"]
    for name in names:
        lines.append(f"| {name} | " + " | ".join(f"{statistics.median(run[name] for run in runs):.2f}" for runs in figures.values()) + " |")
    return "\n".join(lines)
