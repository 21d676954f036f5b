"""The parts of a drill, each with a fleet of its own; each returns its figures, what failed among them under "failed"."""

from __future__ import annotations

import collections
import contextlib
import csv
import json
import os
import pathlib
import random
import re
import socket
import subprocess
import sys
import threading
import time

import faults
import streams
from clients import BEGUN, GOOD, Crowd, Probe
from fleet import ROOM_FOR_BOTH, ROOM_FOR_ONE, Fleet
from fleet_boxes import OWN_USER, RenderedEdge, Watch
from harness import BIN, descendants, free_port, resident_kib, wait_until
from measure import percentile

# Three models on different boxes; of the last four boxes the card has room for one at a time.
SUBSETS = [("alpha", "gamma"), ("alpha", "gamma"), ("alpha", "beta"), ("alpha", "beta"), ("alpha", "beta"), ("alpha", "beta"),
           ("beta", "gamma"), ("beta", "gamma")]
ROOM = [ROOM_FOR_BOTH] * 4 + [ROOM_FOR_ONE] * 4
MODELS = ("alpha", "beta", "gamma")
BOXES = len(SUBSETS)
CLIENTS = 64
EVEN = 0.15  # that busiest and idlest of equal boxes may differ
AWAY = 2.0  # seconds, of a killed box
FAST = 160  # tokens a second


def processor():
    """(busy, all) ticks of the machine."""
    with open("/proc/stat") as stat:
        fields = [int(word) for word in stat.readline().split()[1:9]]
    return sum(fields) - fields[3] - fields[4], sum(fields)


class Watched:
    """The share of the processors that was busy meanwhile."""

    def __enter__(self):
        self.begun = processor()
        return self

    def __exit__(self, *_):
        now = processor()
        self.busy = round((now[0] - self.begun[0]) / max(1, now[1] - self.begun[1]), 3)


def mixed_fleet(folder):
    return Fleet(folder, SUBSETS, ROOM, [120] * BOXES)


def tally(outcomes):
    """How requests ended, and those of which none may exist."""
    ends = collections.Counter(one.end for one in outcomes)
    bad = [one for one in outcomes if one.end not in (*GOOD, *BEGUN)]
    cut = [one for one in outcomes if one.end in BEGUN]
    return {"requests": len(outcomes), "ends": dict(ends), "streams": sum(one.stream for one in outcomes),
            "again_on_a_fresh_connection": sum(one.again for one in outcomes),
            "whole_answers_cut": sum(not one.stream for one in cut),
            "first_byte_s": {f"p{q}": round(percentile([one.first for one in outcomes if one.first and one.stream] or [0.0], q), 3)
                             for q in (50, 95, 100)}}, bad


def failures_of(bad):
    return [f"request {one.mark} ({one.form}, {one.model}, {'stream' if one.stream else 'whole'}) at {one.begun:.2f}: {one.end} {one.status} "
            f"after {one.lasted:.1f} s {one.detail[:300]}" for one in bad]


def under_faults(folder, seconds, seed, say):
    """Clients of three models while boxes, network, HAProxy and the watch have what can happen to them."""
    with contextlib.ExitStack() as stack:
        fleet = stack.enter_context(mixed_fleet(folder))
        edge = stack.enter_context(fleet.edge("edge", "queue = 128\n"))
        watch = stack.enter_context(Watch(edge))
        over = threading.Event()
        probes = {model: Probe(edge.port, fleet.key, model, over) for model in MODELS}
        performer = faults.Performer(fleet, edge, watch, probes, over)
        with Watched() as machine, Crowd(CLIENTS, edge.port, fleet.key, MODELS) as crowd:
            try:
                for probe in probes.values():
                    probe.start()
                begun = time.monotonic()
                performer.perform(faults.plan(seed, seconds, BOXES), say)
                over.wait(max(0.0, begun + seconds - time.monotonic()))
            finally:
                over.set()
        agrees = lambda: subprocess.run([BIN / "corral", "fleet", "render", "--ask", edge.list], capture_output=True, text=True,
                                        timeout=120).stdout == edge.rules.read_text()
        figures, bad = tally(crowd.outcomes())
        failed = failures_of(bad) + performer.problems
        failed += [f"client {number} never ended" for number in crowd.stuck()]
        try:
            wait_until(agrees, 60)
        except AssertionError:
            failed.append(f"HAProxy's configuration and the boxes don't agree at the end: {watch.log()[-500:]}")
        kinds = {}
        for one in performer.done:
            kinds.setdefault(one["fault"], []).append(one)
            if one["fault"] == "kill" and one.get("away", 0) > AWAY:
                failed.append(f"box{one['box']} was killed, and a model of it away for {one['away']:.2f} s")
        named = lambda ones, figure: [round(one[figure], 2) for one in ones if figure in one]
        return {**figures, "seconds": seconds, "processors_busy": machine.busy, "reloads": watch.log().count("event=fleet.reloaded"), "faults": {
            name: {"count": len(ones), **{figure: named(ones, figure) for figure in ("away", "back", "known", "gone") if named(ones, figure)}}
            for name, ones in sorted(kinds.items())}, "served": {box.name: served(box) for box in fleet.boxes}, "events": performer.done, "failed": failed}


def served(box):
    return len(re.findall(r"INFO request id=", box.log()))


def served_each(edge, model):
    """Answers of each box that have begun."""
    return {row["svname"]: int(row["hrsp_2xx"]) for row in edge.table() if row["pxname"] == f"model_{model}:latest" and row["svname"] in edge.names}


def spread_of(folder, seconds, speeds, clients, settings=""):
    """Requests of each box of one model."""
    with Fleet(folder, [("alpha",)] * BOXES, [ROOM_FOR_BOTH] * BOXES, speeds) as fleet, fleet.edge("edge", settings) as edge:
        before = served_each(edge, "alpha")
        with Watched() as machine, Crowd(clients, edge.port, fleet.key, ("alpha",), leaves=0.0, words=(8, 12)) as crowd:
            crowd.over.wait(seconds)
            counts = {name: count - before[name] for name, count in served_each(edge, "alpha").items()}
        figures, bad = tally(crowd.outcomes())
        return counts, figures, failures_of(bad), machine.busy


def load(folder, seconds, seed, say):
    """Equal boxes get equal shares, one that is half as fast gets half of one."""
    folder.mkdir()
    out, failed = {}, []
    slow = "box8"
    equal, uneven = [FAST] * BOXES, [FAST] * (BOXES - 1) + [FAST // 2]
    for name, speeds, settings in (("equal", equal, ""), ("one_half_as_fast", uneven, ""),
                                   ("equal_without_affinity", equal, "affinity = false"),
                                   ("one_half_as_fast_without_affinity", uneven, "affinity = false")):
        say(f"load: {name}")
        counts, figures, bad, busy = spread_of(folder / name, seconds, speeds, CLIENTS, settings)
        failed += bad
        others = [count for box, count in counts.items() if box != slow or speeds[-1] == speeds[0]]
        row = {"requests": counts, "spread": round((max(others) - min(others)) / max(others), 3), "processors_busy": busy,
               "first_byte_s": figures["first_byte_s"]}
        if row["spread"] > EVEN:
            failed.append(f"load, {name}: busiest and idlest differ by {row['spread'] * 100:.0f} %: {counts}")
        if speeds[-1] != speeds[0]:
            row["share_of_the_slow"] = round(counts[slow] / (sum(others) / len(others)), 3)
            if not 0.4 <= row["share_of_the_slow"] <= 0.6:
                failed.append(f"load, {name}: the slow box has {row['share_of_the_slow']:.2f} of another's share")
        out[name] = row
    return {**out, "failed": failed}


def added_delay(folder, rounds, seed, say):
    """What HAProxy adds to the way of each piece: streams through it and beside it take turns in one run."""
    load = streams.Load(streams=8, rounds=1, pieces=200)
    folder.mkdir()
    seen = {"direct": ([], []), "edge": ([], [])}
    with streams.CorralStreams(folder / "box", load.streams) as box:
        box.wait_ready()
        members = [("one", box, f'models = ["{streams.MODEL}"]\nmax_requests = 64\n')]
        with RenderedEdge(folder / "edge", members) as edge:
            for turn in range(rounds):
                for name, port in (("direct", box.port), ("edge", edge.port))[:: 1 if turn % 2 else -1]:
                    told = streams.ask(port, load)
                    seen[name][0].extend(told["delays_ns"])
                    seen[name][1].extend(told["first_byte_ns"])
    ms = lambda values, q: round(percentile(values, q) / streams.MS, 3)
    out = {name: {"pieces": len(pieces), "piece_ms": {f"p{q}": ms(pieces, q) for q in (50, 99)},
                  "first_piece_ms": {f"p{q}": ms(first, q) for q in (50, 99)}} for name, (pieces, first) in seen.items()}
    added = {f"p{q}": round(out["edge"]["piece_ms"][f"p{q}"] - out["direct"]["piece_ms"][f"p{q}"], 3) for q in (50, 99)}
    return {**out, "added_ms": added, "failed": []}


class Talker(threading.Thread):
    """Conversations of some turns, one after the other; counts turns behind the first, and those with a prefix in the cache."""

    def __init__(self, number, edge, turns, over, dice):
        super().__init__(daemon=True)
        self.number, self.edge, self.turns, self.over, self.dice = number, edge, turns, over, dice
        self.later = self.found = 0
        self.tokens, self.cached = 0, 0
        self.problems = []

    def run(self):
        count = 0
        while not self.over.is_set():
            count += 1
            messages = []
            for turn in range(self.turns):
                if self.over.wait(self.dice.uniform(0.2, 1.0)):
                    return
                question = f"[[text=answer {turn} of talk {count}]] talk {count} of {self.number}, turn {turn}: " + "tell me more " * 20
                messages.append({"role": "user", "content": question})
                reply = self.edge.post("/v1/chat/completions", {"model": "alpha", "messages": messages}, timeout=120)
                if reply.status != 200 or reply.json["choices"][0]["message"]["content"] != f"answer {turn} of talk {count}":
                    self.problems.append(f"talk {count} of {self.number}, turn {turn}: {reply.status} {reply.body[:300]!r}")
                    return
                messages.append(reply.json["choices"][0]["message"])
                usage = reply.json["usage"]
                cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
                if turn:
                    self.later += 1
                    self.found += cached > usage["prompt_tokens"] / 2
                    self.tokens += usage["prompt_tokens"]
                    self.cached += cached


def conversations(folder, seconds, seed, say):
    """Turns that find their prefix on the box, with and without affinity, for as many conversations as boxes and for more."""
    out, failed = {}, []
    with Fleet(folder, [("alpha",)] * BOXES, [ROOM_FOR_BOTH] * BOXES, [200] * BOXES) as fleet:
        for box in fleet.boxes:  # each compares its cache once before it is trusted
            reply = lambda: box.post("/v1/chat/completions", {"model": "alpha", "messages": [{"role": "user", "content": "[[text=yes]] a"}]})
            wait_until(lambda: reply().status == 200 and "answered the same behind its cache" in box.log(), 60, f"{box.name} compares")
        for name, settings in (("affinity", ""), ("no_affinity", "affinity = false")):
            with fleet.edge(name, settings) as edge:
                for count in (4, 8, 32):
                    say(f"conversations: {name}, {count} at a time")
                    before = served_each(edge, "alpha")
                    over = threading.Event()
                    talkers = [Talker(number, edge, 6, over, random.Random(seed * 1000 + number)) for number in range(count)]
                    for talker in talkers:
                        talker.start()
                    over.wait(seconds)
                    over.set()
                    for talker in talkers:
                        talker.join()
                        failed += talker.problems
                    counts = {box: after - before[box] for box, after in served_each(edge, "alpha").items()}
                    later = sum(talker.later for talker in talkers)
                    out[f"{name}_{count}"] = {
                        "later_turns": later, "found": round(sum(talker.found for talker in talkers) / max(1, later), 3),
                        "prompt_tokens_from_cache": round(sum(talker.cached for talker in talkers) / max(1, sum(talker.tokens for talker in talkers)), 3),
                        "requests": counts}
                    if count > BOXES and min(counts.values()) < 0.3 * sum(counts.values()) / BOXES:
                        failed.append(f"conversations, {name}, {count}: a box starves: {counts}")
        for count in (4, 8):
            if out[f"affinity_{count}"]["found"] <= out[f"no_affinity_{count}"]["found"]:
                failed.append(f"{count} conversations find their prefix no more often with affinity than without")
    return {**out, "failed": failed}


class ManyBoxes:
    """Stand-ins with three of ten models each; boxes of one fleet for HAProxy and the watch."""

    def __init__(self, folder, count):
        self.folder, self.count = folder, count
        folder.mkdir()
        self.addresses = [f"10.78.{number // 250}.{number % 250 + 1}" for number in range(count)]
        self.models = {address: [f"model{(number + step) % 10}:latest" for step in range(3)] for number, address in enumerate(self.addresses)}
        self.write()
        self.list = folder / "boxes.toml"
        self.socket = folder / "haproxy.sock"
        self.list.write_text(f'[edge]\nlisten = "127.0.0.1:{free_port()}"\nsocket = "{self.socket}"\n{OWN_USER}' + "".join(
            f'[[box]]\nname = "box{number}"\naddress = "{address}:11434"\nagent = 9110\n'
            for number, address in enumerate(self.addresses)))

    def write(self):
        fresh = self.folder / "models.new"
        fresh.write_text(json.dumps(self.models))
        fresh.rename(self.folder / "models.json")

    def change(self, share):
        """So many of the boxes lose one model and get another; the tenth of these gets one that nobody had."""
        chosen = self.addresses[:: round(1 / share)]
        for place, address in enumerate(chosen):
            fresh = "fresh:latest" if place % 10 == 0 else f"model{(place * 7 + 5) % 10}:latest"
            self.models[address] = sorted({*self.models[address][1:], fresh})
        self.write()
        return len(chosen)

    def wanted(self):
        out = collections.defaultdict(set)
        for number, address in enumerate(self.addresses):
            for model in self.models[address]:
                out[model].add(f"box{number}")
        return out


def process_figures(pid):
    """(processor seconds, MiB) of a process and its children."""
    ticks, kib = 0, 0
    for one in (pid, *descendants(pid)):
        with contextlib.suppress(OSError):
            fields = pathlib.Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
            kib += resident_kib(one)
    return ticks / os.sysconf("SC_CLK_TCK"), kib / 1024


def spent(pid, seconds):
    """Of a span from now on: share of a processor, and MiB at its end."""
    before = process_figures(pid)[0]
    time.sleep(seconds)
    now = process_figures(pid)
    return {"processor": round((now[0] - before) / seconds, 3), "mib": round(now[1], 1)}


def many(folder, count, seed, say):
    """What the watch and HAProxy cost with many boxes, and how long they take to agree after a fifth of these changed."""
    boxes = ManyBoxes(folder, count)
    subprocess.run(["ip", "address", "add", "10.78.0.1/16", "dev", "lo"], check=False)
    subprocess.run(["ip", "route", "add", "local", "10.78.0.0/16", "dev", "lo"], check=False)
    failed = []
    with contextlib.ExitStack() as stack:
        run = lambda command, **more: stack.enter_context(ending(subprocess.Popen(command, stdin=subprocess.DEVNULL, **more)))
        stand_ins = run([sys.executable, pathlib.Path(__file__).with_name("stand_ins.py"), folder / "models.json"], stdout=subprocess.PIPE)
        stand_ins.stdout.readline()
        begun = time.monotonic()
        rendered = subprocess.run([BIN / "corral", "fleet", "render", "--ask", boxes.list], capture_output=True, text=True, check=True)
        render_s = time.monotonic() - begun
        rules = folder / "haproxy.cfg"
        rules.write_text(rendered.stdout)
        with open(folder / "haproxy.log", "wb") as log:
            haproxy = run(["haproxy", "-W", "-f", rules], stdout=log, stderr=log)

        def table():
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as line:
                line.connect(str(boxes.socket))
                line.sendall(b"show stat\n")
                return list(csv.DictReader(line.makefile().read().lstrip("# ").splitlines()))
            return []
        up = lambda: [row for row in table() if row["pxname"].startswith("model_") and row["svname"].startswith("box") and row["status"] == "UP"]
        wait_until(lambda: len(up()) == 3 * count, 120, "HAProxy has seen all boxes")
        say("many: HAProxy alone")
        alone = spent(haproxy.pid, 20)
        with open(folder / "watch.log", "wb") as log:
            watch = run([BIN / "corral", "fleet", "render", boxes.list, "--watch", "--write", rules, "--", "kill", "-USR2", str(haproxy.pid)],
                        stdout=log, stderr=log)
        time.sleep(6)
        say("many: the watch beside it, nothing changes")
        still = spent(watch.pid, 20)
        rows = []
        for turn in range(3):
            changed = boxes.change(0.2)
            begun, before = time.monotonic(), process_figures(watch.pid)[0]

            def agrees():
                routes = collections.defaultdict(set)
                for row in table():
                    if row["svname"].startswith("box") and row["pxname"].startswith("model_"):
                        routes[row["pxname"]].add(row["svname"])
                return routes == {f"model_{model}": on for model, on in boxes.wanted().items()}
            wait_until(agrees, 120, "HAProxy agrees with the boxes")
            rows.append({"boxes": changed, "seconds": round(time.monotonic() - begun, 2),
                         "processor_seconds": round(process_figures(watch.pid)[0] - before, 2)})
            say(f"many: {rows[-1]}")
            time.sleep(5)
        if max(row["seconds"] for row in rows) > 10:
            failed.append(f"agreement after a change took longer than 10 s: {rows}")
        after = spent(haproxy.pid, 10)
    return {"boxes": count, "render_seconds": round(render_s, 2), "configuration_kib": len(rendered.stdout) // 1024, "haproxy": alone,
            "haproxy_after_changes": after, "watch_at_rest": still, "changes": rows, "failed": failed}


@contextlib.contextmanager
def ending(process):
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
