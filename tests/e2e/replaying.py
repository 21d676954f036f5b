"""Plays an incident of a crash bundle again: a box like that one with the simulator behind it, the requests of the bundle at their
distances, and the fault that looks from outside as the recorded one did. Then holds the bundle that comes of it against the first."""

from __future__ import annotations

import datetime
import http.client
import json
import re
import signal
import subprocess
import sys
import threading

from harness import BIN, BY_NAME, Box, pause, wait_until

# Of the clocks of a real box: minutes of patience. The longest lasts so many seconds here, the others are as much shorter.
LONGEST_CLOCK = 4.0
SHORTEST_CALL_MS = 300
MOST_REQUESTS = 8
PIECE = 3  # tokens of one of the simulator's
PATIENCE = 90  # seconds, for the incident
BEGUN = re.compile(r"\[corral\] started as process (\d+)")

# By the wording that names the end of a service which Corral ended: who does it, and the fault of the simulator. {phase} and {after}
# are where the request stood.
HANGS = {
    "runtime.hung/runtime-stopped": ("device_hang", {"phase": "decode", "after": "{after}"}),
    "runtime.hung/stream-stopped": ("device_hang", {"phase": "decode", "after": "{after}"}),
    "runtime.hung/runtime-begin": ("device_hang", {"phase": "prefill"}),
    "runtime.hung/stream-begin": ("device_hang", {"phase": "prefill"}),
    "runtime.hung/runtime-finish": ("device_hang", {"phase": "reset"}),
    "runtime.hung/runtime-took": ("freeze", {"phase": "{phase}"}),
    "runtime.hung/not-idle": ("status_reply", {"route": "/api/reset", "status": 500}),
    "runtime.refused/runtime-accepts": ("swallow_reset", {}),
    "runtime.refused/stayed-busy": ("busy", {}),
    "runtime.refused/runtime-stayed": ("busy", {}),
    "runtime.tokenizer-away/tokenizer-service": ("freeze", {"phase": "{phase}"}),
}
ON_AND_ON = {"swallow_reset", "busy"}  # once is not enough for these

# Prints what a program printed before its end, and ends so; or stays, where Corral ended it.
RECORDED = """
import json, os, sys, time
said = json.load(open(sys.argv[1]))
for line in said["lines"]:
    print(line, flush=True)
time.sleep(said["seconds"])
if said["status"] is None:
    time.sleep(3600)
elif 128 < said["status"] <= 192:
    os.kill(os.getpid(), said["status"] - 128)
sys.exit(said["status"])
"""


class Unplayable(Exception):
    """What lacks in a bundle, or in the simulator, to play it."""


def at(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def is_time(value):
    try:
        at(value)
    except (AttributeError, OverflowError, ValueError):
        return False
    return True


def text(value):
    return isinstance(value, str) and not re.search(r"[\x00-\x1f\x7f-\x9f]", value)


def word(value):
    return isinstance(value, str) and re.fullmatch(r"[\w./@-]{0,100}", value, re.ASCII) is not None


def number(most):
    return lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= most


# What is read of a bundle. It comes from somebody else's box, and is written into a configuration and onto a terminal.
SPANS = {"*": number(100 * 86_400_000)}
STEP = {"time": is_time, "service": word, "event": word, "pid": number(1 << 31), "exit_status?": number(255)}
REQUEST = {"id": text, "arrived": is_time, "outcome": word, "messages": number(100_000), "prompt_bytes": number(1 << 26),
           "tokens": number(1_000_000), "pieces": number(1 << 31), "decode_ms": number(1 << 31), "sampling?": {"*": number(1 << 31)}}
BUNDLE = {
    "model": text, "kind": word, "time": is_time,
    "settings?": {"profile?": word, "family?": word, "tokenizer_tap?": lambda value: isinstance(value, bool), "clocks_ms?": SPANS,
                  "restart_ms?": SPANS, "start_stall_ms?": SPANS},
    "trigger": {**STEP, "state": word, "sentence": text, "ids": [word], "wording?": word},
    "history": [{**STEP, "from": word, "to": word, "failure?": word}],
    "services": [{"name": word, "lines": [lambda value: isinstance(value, str)]}],
    "requests": {"inside": [REQUEST], "finished": [REQUEST]},
}


def check(value, shape, where=""):
    """Raises Unplayable with the first place of `value` that no Corral writes so."""
    kind = type(shape) if isinstance(shape, (dict, list)) else None
    if not (isinstance(value, kind) if kind else shape(value)):
        raise Unplayable(f"no Corral writes it so: {where or 'the whole'}")
    if kind is list:
        for place, each in enumerate(value):
            check(each, shape[0], f"{where}/{place}")
    elif kind is dict and "*" in shape:
        for key, each in value.items():
            check(key, word, f"the names in {where}")
            check(each, shape["*"], f"{where}/{key}")
    elif kind is dict:
        for key, inner in shape.items():
            name = key.rstrip("?")
            if name in value:
                check(value[name], inner, f"{where}/{name}")
            elif name == key:
                raise Unplayable(f"it lacks {where}/{name}")


class Incident:
    """A bundle as a plan: what is set up, what is asked, what is broken."""

    def __init__(self, bundle):
        check(bundle, {"schema": number(1 << 31)})
        if bundle["schema"] != 1:
            raise Unplayable(f"schema {bundle['schema']} is of another Corral; this one reads 1")
        check(bundle, BUNDLE)
        self.bundle = bundle
        self.trigger = bundle["trigger"]
        self.settings = bundle.get("settings", {})  # none in bundles of 0.2
        name = self.settings.get("profile", "axera-poll")
        if name not in BY_NAME:
            raise Unplayable(f"profile '{name}' has no program in the simulator")
        self.profile = BY_NAME[name]
        if self.trigger["service"] not in ("runtime", "tokenizer")[:1 + self.profile.tokenizer]:
            raise Unplayable(f"service '{self.trigger['service']}' is none of the profile '{name}'")
        clocks = self.settings.get("clocks_ms", {})
        self.speed = max(1.0, max(clocks.values(), default=0) / 1000 / LONGEST_CLOCK)
        if "call" in clocks:
            self.speed = max(1.0, min(self.speed, clocks["call"] / SHORTEST_CALL_MS))
        self.inside = bundle["requests"]["inside"][:1]
        known = {request["id"] for request in self.inside}
        done = ("stop", "length", "completed", "done")
        self.before = [request for request in bundle["requests"]["finished"]
                       if request["id"] not in known and not request.get("why") and request["outcome"] in done][-MOST_REQUESTS:]

    def span(self, milliseconds):
        return f'"{max(10, round(milliseconds / self.speed))}ms"'

    def model_lines(self):
        out = ""
        for table, keys in (("clocks", self.settings.get("clocks_ms", {})), ("restart", self.settings.get("restart_ms", {}))):
            lines = "".join(f"{key} = {value if key == 'intensity' else self.span(value)}\n" for key, value in keys.items()
                            if key not in ("prefill_per_token", "idle_grace"))
            out += f"[models.{table}]\n{lines}" if lines else ""
        # Windows of seconds at least.
        return re.sub(r'(intensity_window = )"(\d+)ms"', lambda m: f'{m[1]}"{max(1000, int(m[2]))}ms"', out)

    def scenario(self):
        """As fast as the recorded one, where the bundle tells."""
        decode = [(r["tokens"], r["decode_ms"]) for r in self.before + self.inside if r["tokens"] > 1 and r["decode_ms"] > 0]
        rate = sum(tokens for tokens, _ in decode) / (sum(ms for _, ms in decode) / 1000) if decode else 20
        rate = max(1, round(min(500, rate * self.speed)))
        return {"directives": True, "timing": {"load_ms": 50, "prefill_ms_per_chunk": 20, "tokens_per_second": rate}}

    def start_of(self, service):
        """What the service printed in the start that failed, how long it lived and how it ended; None: it was ended by Corral."""
        lines, ours = [], False
        for line in next((one["lines"] for one in self.bundle["services"] if one["name"] == service), []):
            if begun := BEGUN.match(line):
                ours, lines = int(begun[1]) == self.trigger["pid"], [] if int(begun[1]) == self.trigger["pid"] else lines
            elif ours and not line.startswith("[corral] "):
                lines.append(line)
        steps = [step for step in self.bundle["history"] if step["service"] == service and step["pid"] in (0, self.trigger["pid"])]
        began = max((at(step["time"]) for step in steps if step["to"] == "starting" and step["time"] <= self.trigger["time"]),
                    default=at(self.trigger["time"]))
        by_itself = self.trigger["event"] in ("exited", "fatal_line")
        ends = [step["exit_status"] for step in self.bundle["history"] if step["service"] == service and "exit_status" in step]
        status = self.trigger.get("exit_status", ends[0] if ends else 1)
        return {"lines": lines, "seconds": min(2.0, max(0.0, at(self.trigger["time"]) - began) / self.speed),
                "status": status if by_itself else None}

    def fails_to_start(self):
        return self.trigger["state"] in ("starting", "waiting", "stopped")

    def fault(self):
        """(service, name, arguments, on) in the simulator; a number instead of a name is a signal from outside."""
        service, status = self.trigger["service"], self.trigger.get("exit_status")
        pieces = self.inside[0]["pieces"] if self.inside else 0
        phase = ("decode" if pieces else "encode") if service == "tokenizer" else ("decode" if pieces else "prefill")
        after = self.inside[0]["tokens"] + PIECE if pieces else 0  # so that a piece is out, as there was
        if self.trigger["event"] == "exited" and status is not None:
            killed = 128 < status <= 128 + signal.SIGRTMAX  # 255 is what exit(-1) says
            if not self.inside:
                return (service, status - 128, {}, "once") if killed else (service, "kill_at", {"phase": "now", "exit": status}, "once")
            how = {"signal": status - 128} if killed else {"exit": status}
            return service, "kill_at", {"phase": phase, "after": after, **how}, "once"
        if self.bundle["kind"] == "intruder":
            raise Unplayable("another program had the port: start one there by hand")
        name, arguments = HANGS.get(self.trigger.get("wording"), (None, None))
        if name is None and self.trigger["event"] == "exited":
            name, arguments = "kill_at", {"phase": phase, "after": after}  # of a Corral that did not write statuses down
        if name is None:
            raise Unplayable(f"no fault of the simulator shows as '{self.trigger.get('wording') or self.trigger['sentence']}'")
        if not self.inside and name == "freeze":
            return service, int(signal.SIGSTOP), {}, "once"
        words = {"{phase}": phase, "{after}": after}
        return service, name, {key: words.get(value, value) for key, value in arguments.items()}, True if name in ON_AND_ON else "once"


def ask(box, request, speed, tokens):
    """A request of that shape, whose answer has so many tokens. Nobody needs it."""
    count = max(1, request["messages"])
    size = max(20, request["prompt_bytes"] // count)
    messages = [{"role": "assistant" if (count - number) % 2 == 0 else "user", "content": ("words of nobody " * (size // 16 + 1))[:size]}
                for number in range(1, count + 1)]
    messages[-1] = {"role": "user", "content": f"[[n={tokens}]] " + messages[-1]["content"][:max(1, size - 12)]}
    options = {key: value for key, value in request.get("sampling", {}).items() if key in ("temperature", "top_p", "top_k", "repeat_penalty")}
    try:
        box.chat(messages, {**options, "num_predict": tokens + 1}, think=False)
    except (OSError, http.client.HTTPException):
        pass  # its end is in the bundle


def crashes(box):
    folder = box.folder / "state-home/corral/crashes"
    return [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))] if folder.exists() else []


def break_it(box, fault):
    service, name, arguments, on = fault
    if isinstance(name, int):
        box.kill(service, name)
    else:
        box.fault(service, name, on, **arguments)


def strike(box, incident, fault, times):
    """Breaks it, and asks what was asked then, each time a little otherwise: a prompt that kills twice is not taken again. The process."""
    pid = box.pid_of(fault[0])
    break_it(box, fault)
    if incident.inside:
        tokens = max(200, incident.inside[0]["tokens"]) + times
        threading.Thread(target=ask, args=(box, incident.inside[0], incident.speed, tokens), daemon=True).start()
    return pid


def play(incident, folder):
    """The bundle that comes of it; None: nothing does."""
    program = None
    if incident.fails_to_start():
        if incident.trigger["pid"] == 0:
            raise Unplayable("Corral refused the start before there was a process: its sentence names what to repair")
        said = folder / "recorded.json"
        folder.mkdir(parents=True, exist_ok=True)
        said.write_text(json.dumps(incident.start_of(incident.trigger["service"])))
        (folder / "recorded.py").write_text(RECORDED)
        program = ["/usr/bin/python3", "-B", str(folder / "recorded.py"), str(said)]
    box = Box(folder, incident.scenario(), model=incident.model_lines(), profile=incident.profile.name,
              family=incident.settings.get("family", "qwen2.5"), tap=incident.settings.get("tokenizer_tap", True))
    text = box.config_file.read_text()
    if program:
        command = re.compile(rf'(?<=\[models\.services\.{incident.trigger["service"]}\]\nport = 0\n)command = .*')
        text = command.sub(lambda _: f"command = {json.dumps(program)}", text)
    for service, stall in incident.settings.get("start_stall_ms", {}).items():
        line = f"[models.services.{service}]\nstart_stall = \"{max(1000, round(stall / incident.speed))}ms\"\n"
        text = text.replace(f"[models.services.{service}]\n", line)
    box.config_file.write_text(text)
    checked = subprocess.run([BIN / "corral", "check", "--no-files", box.config_file], capture_output=True, text=True, check=False)
    if checked.returncode:
        raise Unplayable(f"this Corral takes its settings for a mistake: {checked.stderr.partition(chr(10))[0]}")
    try:
        try:
            box.start(wait_ready=not program)
        except AssertionError as why:
            raise Unplayable("the simulator did not become ready with its settings") from why
        if not program:
            fault = incident.fault()
            arrived = [at(request["arrived"]) for request in incident.before + incident.inside]
            for number, request in enumerate(incident.before):
                ask(box, request, incident.speed, max(1, request["tokens"]))
                pause.wait(min(2.0, max(0.0, arrived[number + 1] - arrived[number]) / incident.speed) if number + 1 < len(arrived) else 0)
            struck = [strike(box, incident, fault, 0)]
        kind = incident.bundle["kind"]

        def came():
            found = next((one for one in crashes(box) if one["kind"] == kind), None) or next(
                (one for one in crashes(box) if kind != "breaker"), None)
            # A breaker opens after many ends. Of one the bundle comes a moment after the next process is ready.
            if not found and kind == "breaker" and not program and box.pid_of(fault[0]) not in (None, *struck) and (
                    box.get("/readyz").status == 200):
                struck.append(strike(box, incident, fault, len(struck)))
            return found

        try:
            return wait_until(came, PATIENCE, f"a bundle of the kind '{kind}'")
        except AssertionError:
            return next(iter(crashes(box)), None)
    finally:
        box.__exit__()


def chain(bundle):
    """What happened, without what differs from run to run: what began it, then the steps of each service."""
    trigger = bundle["trigger"]
    words = trigger["wording"] if "wording" in trigger else trigger["ids"][:1]
    out = [("kind", bundle["kind"]), ("trigger", trigger["service"], trigger["state"], trigger["event"], words, trigger.get("exit_status"))]
    if bundle["kind"] == "breaker":  # of which the tries overtake one another: what went wrong in them, each once
        return out + sorted({("step", step["service"], step["from"], step["to"], step["event"], step["failure"])
                             for step in bundle["history"] if step.get("failure")})
    for service in sorted({step["service"] for step in bundle["history"]}):
        out += [("step", service, step["from"], step["to"], step["event"], step.get("failure", "")) for step in bundle["history"]
                if step["service"] == service and step["time"] >= trigger["time"] and step["from"] != step["to"]]
    return out


def differences(recorded, replayed):
    """Where the chains part, as (recorded, replayed); None: nowhere. One that was written sooner is a beginning of the other."""
    was, now = chain(recorded), chain(replayed)
    if "wording" not in recorded["trigger"]:  # nor exit statuses
        now[1] = (*now[1][:4], recorded["trigger"]["ids"][:1], None)
        was[1] = (*was[1][:4], recorded["trigger"]["ids"][:1], None)
    services = {step[1] for step in was + now if step[0] == "step"}
    for name in ("kind", "trigger", *sorted(services)):
        mine, theirs = ([step for step in one if step[0] == name or (step[0] == "step" and step[1] == name)] for one in (was, now))
        for step in range(max(len(mine), len(theirs)) if name in ("kind", "trigger") else min(len(mine), len(theirs))):
            if mine[step:step + 1] != theirs[step:step + 1]:
                return mine[step:step + 1], theirs[step:step + 1]
    return None


def show(step):
    return " ".join(str(word) for word in step if word not in ("", None, "step"))


def replay(bundle, folder, out=sys.stdout):
    """0: the same chain of events. 1: it parts, and where. 2: it can't be played, and why."""
    try:
        incident = Incident(bundle)
        print(f"{bundle['model']}, {bundle['kind']} of {bundle['time']}, clocks {incident.speed:.1f} times as fast", file=out)
        again = play(incident, folder)
    except Unplayable as why:
        print(f"not played: {why}", file=out)
        return 2
    for step in chain(bundle):
        print(f"  {show(step)}", file=out)
    parted = differences(bundle, again) if again else (chain(bundle)[:1], [])
    if parted is None:
        print("played: the same", file=out)
        return 0
    print(f"played: it parts here\n  recorded: {'; '.join(map(show, parted[0])) or 'nothing more'}\n"
          f"  played:   {'; '.join(map(show, parted[1])) or 'nothing more'}", file=out)
    return 1
