"""Runs the contenders in turn and turns the simulator's trace and the client's marks into figures."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import socket
import statistics
import threading
import time

import harness


@dataclasses.dataclass(frozen=True)
class Rate:
    tokens_per_second: int
    requests: int        # one after another, for the delays
    tokens: int          # each
    queued_requests: int  # of each of two clients at once, for the gaps
    queued_tokens: int


@dataclasses.dataclass(frozen=True)
class Plan:
    name: str
    repetitions: int
    idle_seconds: float
    waiting_clients: int
    rates: tuple


# A request lasts three seconds at most, so that the trace ring of the simulator holds all polls of a tight poller.
FULL = Plan("full", 3, 5.0, 200,
            (Rate(5, 4, 15, 2, 3), Rate(50, 4, 150, 4, 15), Rate(500, 10, 300, 8, 60)))
QUICK = Plan("quick", 2, 2.0, 200,
             (Rate(5, 1, 15, 1, 3), Rate(50, 1, 150, 3, 15), Rate(500, 3, 300, 4, 60)))

MS = 1e6
pause = threading.Event()  # never set


def percentile(values, percent):
    """Nearest rank: a value that was measured."""
    ranked = sorted(values)
    return ranked[max(0, -(-len(ranked) * percent // 100) - 1)]


def visible(text):
    return sum(not chr(byte).isspace() for byte in text.encode())


def wait_quiet(line):
    """Until the runtime is idle and nobody has polled it for a fifth of a second."""
    def quiet():
        before = line.control(cmd="state")
        pause.wait(0.2)
        after = line.control(cmd="state")
        return not after["running"] and after["polls"] == before["polls"]

    harness.wait_until(quiet, 20, f"{line.name}: the runtime is left alone when idle")


def delays_of(answer, events, name):
    """Milliseconds from each piece's availability to the moment the client had all its bytes."""
    out, have, marks = [], 0, iter(answer["marks"])
    at, reached = 0, 0
    for piece in (e for e in events if e["what"] == "piece" and visible(e["text"])):
        have += visible(piece["text"])
        while reached < have:
            at, reached = next(marks, (0, -1))
            if reached < 0:
                raise SystemExit(f"{name}: the client did not get all the text")
        out.append((at - piece["ns"]) / MS)
    if answer["marks"][-1][1] != have:
        raise SystemExit(f"{name}: the client got text that this run did not make")
    return out


def single_requests(line, rate):
    """One client, one request at a time."""
    delays, first_bytes, speeds, following, around, pieces = [], [], [], 0, 0, 0
    for _ in range(rate.requests):
        wait_quiet(line)
        line.trace.take()
        [answer] = line.ask(f"[[n={rate.tokens}]] count")
        wait_quiet(line)
        events = line.trace.take()
        one = delays_of(answer, events, line.name)
        begun = next(e["seq"] for e in events if e["what"] == "generate")
        polls = [e["seq"] > begun for e in events if e["what"] == "poll"]
        following += sum(polls)
        around += len(polls) - sum(polls)
        pieces += len(one)
        delays += one
        first_bytes.append((answer["marks"][0][0] - answer["sent_ns"]) / MS)
        speeds.append(rate.tokens / (answer["ended_ns"] - answer["sent_ns"]) * 1e9)
    return {"delay_p50_ms": percentile(delays, 50), "delay_p99_ms": percentile(delays, 99), "delay_max_ms": max(delays),
            "polls_per_piece": following / pieces, "polls_before_generate": around / rate.requests,
            "first_byte_ms": statistics.median(first_bytes), "tokens_per_second": statistics.median(speeds)}


def queued_requests(line, rate):
    """Two clients that always have a request waiting: what the runtime does between two of them."""
    wait_quiet(line)
    line.trace.take()
    answers = line.ask(f"[[n={rate.queued_tokens}]] count", rate.queued_requests, 2)
    wait_quiet(line)
    to_reset, to_run, ended = [], [], None
    for event in line.trace.take():
        if event["what"] == "run_end":
            ended = event["ns"]
            reset_seen = False
        elif ended is not None and event["what"] == "reset_begin" and not reset_seen:
            to_reset.append((event["ns"] - ended) / MS)
            reset_seen = True
        elif ended is not None and event["what"] == "run_begin":
            to_run.append((event["ns"] - ended) / MS)
            ended = None
    if len(to_run) != len(answers) - 1 or len(to_reset) != len(to_run):
        raise SystemExit(f"{line.name}: {len(answers)} answers, but {len(to_reset)} resets and {len(to_run)} runs after "
                         "the first")
    took = max(a["ended_ns"] for a in answers) - min(a["sent_ns"] for a in answers)
    return {"gap_to_reset_p50_ms": percentile(to_reset, 50), "gap_to_reset_max_ms": max(to_reset),
            "gap_to_run_p50_ms": percentile(to_run, 50),
            "queued_tokens_per_second": len(answers) * rate.queued_tokens / took * 1e9}


def tables(lines, plan, say):
    """tokens per second -> name of the line -> one dict of figures a repetition; the lines take turns."""
    out = {rate.tokens_per_second: {line.name: [] for line in lines} for rate in plan.rates}
    for repetition in range(plan.repetitions):
        for rate in plan.rates:
            now = {}
            for line in lines:
                say(f"repetition {repetition + 1}/{plan.repetitions}, {rate.tokens_per_second} tokens per second: {line.name}")
                line.control(cmd="set", timing={"tokens_per_second": rate.tokens_per_second})
                now[line.name] = single_requests(line, rate) | queued_requests(line, rate)
            limit = now["direct poller"]
            for name, figures in now.items():
                figures["first_byte_added_ms"] = figures["first_byte_ms"] - limit["first_byte_ms"]
                figures["share_of_direct"] = figures["tokens_per_second"] / limit["tokens_per_second"]
                for key in ("delay_p50_ms", "delay_p99_ms"):
                    figures[key.replace("_ms", "_over_direct_ms")] = figures[key] - limit[key]
                out[rate.tokens_per_second][name].append(figures)
    return out


def settled_kib(corral):
    """Of the daemon and its warden: the least of looks over the time in which it gives back what it does not need."""
    looks = []
    for _ in range(8):
        pause.wait(2.5)
        looks.append(corral.resident_kib())
    return min(looks)


def idle_footprint(corral, plan):
    """A started Corral, before its first request."""
    wait_quiet(corral)
    daemon, warden = settled_kib(corral)
    return {"resident_fresh_kib": daemon, "resident_warden_kib": warden}


def used_footprint(corral, plan):
    """After all the requests: idle again, then with clients that wait behind a run without an end, then idle."""
    corral.control(cmd="set", timing={"tokens_per_second": 50})
    wait_quiet(corral)
    before = corral.control(cmd="state")["polls"]
    pause.wait(plan.idle_seconds)
    polls = corral.control(cmd="state")["polls"] - before
    idle, _ = settled_kib(corral)
    box = corral.box
    body = json.dumps({"model": harness.MODEL, "messages": [{"role": "user", "content": "waiting"}]})
    request = f"POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    waiting = lambda: box.get("/readyz").json["queue"]["waiting"]
    with contextlib.ExitStack() as stack:
        holder = box.stream("[[never_end]]")
        stack.callback(holder.close)
        next(iter(holder))
        for _ in range(plan.waiting_clients):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", box.port)))
            client.sendall(request)
        harness.wait_until(lambda: waiting() == plan.waiting_clients, 20, "all clients wait")
        crowded, _ = corral.resident_kib()
    begun = time.monotonic()
    harness.wait_until(lambda: waiting() == 0, 20, "all clients have left")
    wait_quiet(corral)
    afterwards, _ = settled_kib(corral)
    return {"resident_idle_kib": idle, "resident_waiting_kib": crowded, "resident_after_waiting_kib": afterwards,
            "waiting_clients": plan.waiting_clients, "idle_seconds": plan.idle_seconds, "polls_while_idle": polls,
            "freed_after_s": time.monotonic() - begun}
