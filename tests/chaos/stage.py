"""The real program with simulated services, as the faults and the checks need it: signals, the scenario that the next start
reads, what the process holds, what it leaves."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import threading
import time

import faults
import harness

CLOCKS = {"call": faults.CALL, "reset": faults.RESET, "prefill_base": faults.STALL, "decode_stall": faults.STALL, "idle_grace": 0.5,
          "scrub": faults.SCRUB,
          # One hang after the other is no reason to wait longer here, so that each is found in its time.
          "call_ceiling": faults.CALL, "reset_ceiling": faults.RESET, "prefill_ceiling": faults.STALL,
          "decode_stall_ceiling": faults.STALL}
RESTART = """
[models.restart]
first_backoff = "20ms"
max_backoff = "200ms"
intensity = 1000
intensity_window = "2m"
healthy_after = "2s"
breaker_retry = "1s"
"""


def duration(seconds, slack):
    return f'"{round(seconds * slack * 1000)}ms"'


class Violation(Exception):
    pass


class Stage:
    """One life of corral after another, in a folder each."""

    def __init__(self, folder, settings, slack):
        self.settings = settings
        self.lag = 0.0  # the longest that a pause took beyond its time: the machine was too busy to be judged
        clocks = "".join(f"{name} = {duration(seconds, slack)}\n" for name, seconds in CLOCKS.items())
        timing = {"load_ms": 100, "prefill_ms_per_chunk": settings["prefill_ms"],
                  "tokens_per_second": settings["tokens_per_second"]}
        config = f'silence = "{settings["silence"]}"'
        self.box = harness.Box(folder, {"mode": "text", "directives": True, "timing": timing}, config=config, model=f"[models.clocks]\n{clocks}{RESTART}",
                               tap=settings["tap"])
        text = self.box.config_file.read_text()
        limit = "".join(f"{name} = {duration(seconds, slack)}\n{name}_ceiling = {duration(seconds, slack)}\n"
                        for name, seconds in (("start_stall", faults.START_STALL), ("start_limit", 20)))
        for service in ("tokenizer", "runtime"):
            text = text.replace(f"[models.services.{service}]\n", f"[models.services.{service}]\n{limit}")
        self.box.config_file.write_text(text)
        self.runs_seen = (None, 0)
        self.runtime_port = None
        self.load_seconds = 0.0

    # -- corral -----------------------------------------------------------------------------------------------------

    def begin_corral(self):
        begun = time.monotonic()
        self.box.start(wait_ready=False)
        self.box.listen = f"127.0.0.1:{self.box.port}"  # the same when it comes again
        return begun

    def begin(self):
        begun = self.begin_corral()
        self.box.wait_ready(60)
        self.load_seconds = time.monotonic() - begun
        self.runtime_port = None
        self.port_of("runtime")

    def end_corral(self):
        """Exit status 0, and nobody left."""
        family = harness.descendants(self.box.process.pid)
        status = self.box.stop(timeout=60)
        if status != 0:
            raise Violation(f"corral ended with status {status} after SIGTERM")
        deadline = time.monotonic() + 5
        while left := {p for p, (_, state, _) in harness.processes().items() if p in family and state != "Z"}:
            if time.monotonic() > deadline:
                raise Violation(f"left running after corral's end: {left}")
            self.pause(0.02)

    def abandon(self):
        with contextlib.suppress(OSError, AssertionError):
            self.box.process.kill()
            self.box.process.wait()

    # -- what faults need -------------------------------------------------------------------------------------------

    def pause(self, seconds):
        begun = time.monotonic()
        threading.Event().wait(seconds)
        self.lag = max(self.lag, time.monotonic() - begun - seconds)

    def signal(self, service, name):
        """Its pid, or None when it does not run just now."""
        pid = self.box.pid_of(service)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, getattr(signal, name))
        return pid

    def is_mine(self, pid):
        return pid in harness.descendants(self.box.process.pid)

    def warden(self):
        own = os.readlink(f"/proc/{self.box.process.pid}/exe")
        for pid, (parent, state, _) in harness.processes().items():
            if parent == self.box.process.pid and state != "Z":
                with contextlib.suppress(OSError):
                    if os.readlink(f"/proc/{pid}/exe") == own:
                        return pid
        return None

    def control(self, service, **command):
        """The simulator's answer, or None when it is dead, frozen or not there yet."""
        with contextlib.suppress(OSError, ValueError), socket.socket(socket.AF_UNIX) as s:
            s.settimeout(1)
            s.connect(self.box.socket_path(service))
            s.sendall(json.dumps(command).encode() + b"\n")
            return json.loads(s.makefile().readline())
        return None

    def port_of(self, service):
        state = self.control(service, cmd="state")
        if state and "port" in state:
            self.runtime_port = state["port"]
        return self.runtime_port

    def write_scenario(self, broken):
        path = self.box.folder / "scenario.json"
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps({**self.box.scenario, "faults": broken}))
        fresh.replace(path)

    # -- what checks need -------------------------------------------------------------------------------------------

    def readyz(self):
        try:
            reply = self.box.get("/readyz")
            return reply.status, reply.json
        except (OSError, ValueError) as error:
            return 0, {"error": repr(error)}

    def zombies(self):
        table = harness.processes()
        return [p for p in harness.descendants(self.box.process.pid, table) if table[p][1] == "Z"]

    def descriptors(self):
        found = []
        folder = pathlib.Path("/proc", str(self.box.process.pid), "fd")
        for entry in folder.iterdir():
            with contextlib.suppress(OSError):
                found.append(re.sub(r":\[\d+\]", "", os.readlink(entry)))
        return found

    def resident_kb(self):
        status = pathlib.Path("/proc", str(self.box.process.pid), "status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def cpu_seconds(self):
        fields = pathlib.Path("/proc", str(self.box.process.pid), "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def new_runs(self):
        """Records of the runs that have reached the model since the last call, as far as their process still lives."""
        pid = self.box.pid_of("runtime")
        last = self.runs_seen[1] if self.runs_seen[0] == pid else 0
        answer = self.control("runtime", cmd="runs", since=last)
        records = answer.get("runs", []) if answer else []
        self.runs_seen = (pid, records[-1]["id"] if records else last)
        return records
