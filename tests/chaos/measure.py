"""Times of a restart, from the log: when the death was seen, when something was done, when the service was ready again."""

from __future__ import annotations

import dataclasses
import datetime
import math
import re

LINE = re.compile(r"(\d{4}-\S+) \w+ sim:latest/(tokenizer|runtime): (starting|ready|stopping|waiting|stopped|broken)\b( \(process)?")


def transitions(lines):
    """(seconds since 1970, service, state, whether it has a process) of each line that tells of one. A start of what needs the device
    has two: the first begins with a look at it."""
    for line in lines:
        if found := LINE.match(line):
            yield datetime.datetime.fromisoformat(found[1]).timestamp(), found[2], found[3], bool(found[4])


def loads(lines):
    """service -> seconds from its start to its readiness, of the first start in the lines."""
    begun, out = {}, {}
    for at, service, state, _ in transitions(lines):
        if state == "starting":
            begun.setdefault(service, at)
        elif state == "ready" and service in begun:
            out.setdefault(service, at - begun[service])
    return out


@dataclasses.dataclass
class Restart:
    """Seconds. `seen_to_act`: from the line about the death to the line about the start. `beyond`: of `to_ready`, what is more
    than the loads of what was started. `first`: no failure just before asked for a pause, and no start failed."""

    to_act: float
    seen_to_act: float
    to_ready: float
    beyond: float
    first: bool


def restart(lines, killed, killed_at, load):
    """What became of the services `killed` at `killed_at`, or None where the lines don't tell."""
    now, seen, acted, started, first, ready = {}, None, None, [], True, None
    for at, service, state, has_process in transitions(lines):
        if at < killed_at - 0.0015:  # a line has whole milliseconds
            now[service] = state
            continue
        if seen is None and now.get(service, "ready") != "ready":
            return None  # it was on its way already
        if state == "stopping" and service in killed:
            first = first and service not in started
            seen = seen or at
        elif state == "waiting" and service in killed and service not in started:
            first = False if len(killed) == 1 else first
        elif state == "broken":
            return None
        elif state == "starting" and seen is not None:
            acted = acted or at
            if has_process:
                started.append(service)
        now[service] = state
        if acted and state == "ready" and all(each == "ready" for each in now.values()):
            ready = at
    if not (seen and acted and ready):
        return None
    to_ready = ready - killed_at
    return Restart(max(0.0, acted - killed_at), max(0.0, acted - seen), to_ready, to_ready - sum(load[each] for each in started),
                   first and len(started) == len(set(started)))


def shares(values):
    """Count, median, high quantiles and the highest of a list of seconds."""
    values = sorted(values)
    at = lambda share: round(values[min(len(values) - 1, int(len(values) * share))], 3) if values else None
    return {"count": len(values), "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "max": at(1.0)}


def slope(points):
    """Of (x, y), y per 1,000 of x: the median of the slopes between all pairs (Theil and Sen), and its interval of 95 % by the number
    of pairs that rise (Kendall). Where the values hang together from one to the next, the true interval is wider."""
    points = points[:: max(1, len(points) // 500)]
    rises = sorted(1000 * (y - b) / (x - a) for at, (a, b) in enumerate(points) for x, y in points[at + 1:] if x > a)
    if len(points) < 10 or not rises:
        return None
    count, pairs = len(points), len(rises)
    spread = 1.96 * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    at = lambda rank: round(rises[min(pairs - 1, max(0, int(rank)))], 2)
    return {"middle": at(pairs / 2), "low": at((pairs - spread) / 2), "high": at((pairs + spread) / 2)}


def within(values, limit):
    return f"{sum(value <= limit for value in values)} of {len(values)}"
