"""The real program with simulated services, as the faults and the checks need it: signals, the scenario that the next start
reads, what the process holds, what it leaves."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import threading
import time

import device_faults
import faults
import harness
import machine
import machine_faults
import operator_faults
from violation import Violation

CLOCKS = {"call": faults.CALL, "reset": faults.RESET, "prefill_base": faults.STALL, "decode_stall": faults.STALL, "idle_grace": 0.5,
          "scrub": faults.SCRUB,
          # One hang after the other is no reason to wait longer here, so that each is found in its time.
          "call_ceiling": faults.CALL, "reset_ceiling": faults.RESET, "prefill_ceiling": faults.STALL,
          "decode_stall_ceiling": faults.STALL}
RESTART = f"""
[models.restart]
first_backoff = "20ms"
max_backoff = "200ms"
intensity = 1000
intensity_window = "2m"
healthy_after = "2s"
breaker_retry = "{device_faults.LOOK}s"
"""


def duration(seconds, slack):
    return f'"{round(seconds * slack * 1000)}ms"'


# Reports of the sanitizers, of corral itself and of what it started; a fault may end a simulated service by SIGSEGV.
SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|ThreadSanitizer|: runtime error: ")
MEANT = re.compile(r"sim:latest/.*(DEADLYSIGNAL|AddressSanitizer: (SEGV|ABRT)|SUMMARY: AddressSanitizer: (SEGV|ABRT)|ABORTING|can not provide additional info)")
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=1:verify_asan_link_order=0", "UBSAN_OPTIONS": "print_stacktrace=1"}
LOG_DISK_MB, STATE_DISK_MB = 64, 16


class Stage:
    """One life of corral after another, in a folder each."""

    def __init__(self, folder, settings, slack, no_disks, port=0):
        """`no_disks`: why no small disks can be had here, or "". `port`: of corral, any free one where 0."""
        self.folder = pathlib.Path(folder)
        # Without the tap a runtime needs a pseudo terminal.
        self.settings = settings = {**settings, "tap": settings["tap"] or not harness.has_terminals()}
        self.slack = slack
        self.lag = 0.0  # the longest that a pause took beyond its time: the machine was too busy to be judged
        self.alone = True  # the fault of this step is its only one
        self.signalled = None  # when the first signal of this step went to a service: (monotonic, wall clock)
        clocks = "".join(f"{name} = {duration(seconds, slack)}\n" for name, seconds in CLOCKS.items())
        timing = {"load_ms": 100, "prefill_ms_per_chunk": settings["prefill_ms"],
                  "tokens_per_second": settings["tokens_per_second"]}
        config = (f'silence = "{settings["silence"]}"\nfirst_byte = "{settings["silence"]}"\nkeep_alive = "{machine_faults.KEEP_ALIVE}s"\n'
                  f"upgrade_limit = {duration(operator_faults.UPGRADE_LIMIT, slack)}")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.card = device_faults.Card(self.folder / "card.json")
        sim = str(harness.BIN / "corral-sim")
        polled = settings["profile"] == harness.POLLED
        card = (f'[models.device]\ncommand = ["{sim}", "axcl-smi"]\nenvironment = {{ CORRAL_SIM_DEVICE = "{self.card.file}" }}\n'
                f"timeout = {duration(device_faults.TOOL, slack)}\nmemory_mb = {device_faults.MODEL_MB}\n")
        runtime = ["/usr/bin/env", f"CORRAL_SIM_DEVICE={self.card.file}", sim, "runtime", *harness.Box.runtime_flags()]
        positions = harness.BY_NAME[settings["profile"]].positions
        context = f"[models.context]\npositions = {positions}\n" if positions else ""
        self.box = harness.Box(folder, {"mode": "text", "directives": True, "timing": timing}, config=config,
                               model=f"[models.clocks]\n{clocks}{RESTART}{card if polled else context}", tap=settings["tap"],
                               runtime=runtime if polled else None, listen=f"127.0.0.1:{port}", profile=settings["profile"])
        self.keeps_processes = not (settings["twin"] or self.box.profile.replaces_on_cancel)
        text = self.box.config_file.read_text().replace("parallel = 1\n", f"parallel = {settings['parallel']}\n")
        limit = "".join(f"{name} = {duration(seconds, slack)}\n{name}_ceiling = {duration(seconds, slack)}\n"
                        for name, seconds in (("start_stall", faults.START_STALL), ("start_limit", 20)))
        for service in ("tokenizer", "runtime"):
            text = text.replace(f"[models.services.{service}]\n", f"[models.services.{service}]\n{limit}")
        if settings["twin"]:
            text += self.twin_of(text)
        self.config = text
        self.write_config(text)
        self.clock = machine.WallClock(self.folder / "clock")
        self.missing = {need: why for need, why in (("disk", no_disks), ("clock", self.clock.missing)) if why}
        self.log_disk = self.state_disk = None
        (self.folder / "log").mkdir()
        self.box.log_file = self.folder / "log" / "corral.log"
        if not no_disks:
            self.log_disk = machine.SmallDisk(self.folder / "log", LOG_DISK_MB)
            self.state_disk = machine.SmallDisk(self.folder / "state-home", STATE_DISK_MB)
        self.log_read = 0
        self.runs_seen = (None, 0)
        self.runtime_port = None
        self.load_seconds = 0.0

    def twin_of(self, text):
        """Of a package of its own, for names of the same one are one model; with the same control sockets, so that faults meet the one
        that is loaded."""
        package = self.box.package.with_name("package-twin")
        shutil.copytree(self.box.package, package)
        table = text.split("[[models]]")[1].replace('name = "sim"', 'name = "twin"', 1)
        return "[[models]]" + table.replace(f'"{self.box.package}"', f'"{package}"', 1)

    # -- corral -----------------------------------------------------------------------------------------------------

    def begin_corral(self):
        begun = time.monotonic()
        self.box.start(wait_ready=False, environment={**self.clock.environment, **SANITIZERS})
        self.box.listen = f"127.0.0.1:{self.box.port}"  # the same when it comes again
        return begun

    def begin(self):
        begun = self.begin_corral()
        self.box.wait_ready(60)
        self.load_seconds = time.monotonic() - begun
        self.runtime_port = None
        self.port_of("runtime")

    def end_corral(self):
        """Exit status 0, with leaks looked for where it is built so, and nobody left."""
        status = self.box.stop(timeout=60)
        if status != 0:
            raise Violation("exit", f"corral ended with status {status} after SIGTERM\n{self.box.log()[-6000:]}")
        self.await_none("orphan", self.strangers, 5)

    def abandon(self):
        with contextlib.suppress(OSError, AssertionError):
            self.box.process.kill()
            self.box.process.wait()

    def leave(self):
        """What is only in memory is kept."""
        for disk in (self.log_disk, self.state_disk):
            if disk:
                disk.leave()
        self.log_disk = self.state_disk = None

    def await_none(self, kind, look, limit):
        """`look()` finds nothing within `limit` seconds."""
        deadline = time.monotonic() + limit
        while found := look():
            if time.monotonic() > deadline:
                raise Violation(kind, f"{kind}: {found}")
            self.pause(0.02)

    # -- what faults need -------------------------------------------------------------------------------------------

    def pause(self, seconds):
        begun = time.monotonic()
        threading.Event().wait(seconds)
        self.lag = max(self.lag, time.monotonic() - begun - seconds)

    def signal(self, service, name):
        """Its pid, or None when it does not run just now."""
        pid = self.box.pid_of(service)
        if pid is not None:
            self.signalled = self.signalled or (time.monotonic(), time.time())
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

    def await_phase(self, phase, limit):
        """Until the model is in this phase, or not any more than `limit` seconds."""
        end = time.monotonic() + limit
        while time.monotonic() < end and (self.control("runtime", cmd="state") or {}).get("phase") != phase:
            self.pause(0.005)

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

    def write_config(self, text):
        """In one piece."""
        fresh = self.box.config_file.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self.box.config_file)

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

    def strangers(self):
        """What carries this life's folder in its environment and is not corral or below it, or is there twice."""
        table = harness.processes()
        family = harness.descendants(self.box.process.pid, table) if self.box.process.poll() is None else set()
        mark = f"{self.folder}/".encode()
        services, found = [], []
        for pid, (_, state, command) in table.items():
            with contextlib.suppress(OSError):
                if state != "Z" and pid != self.box.process.pid and mark in pathlib.Path("/proc", str(pid), "environ").read_bytes():
                    (services if pid in family else found).append((pid, command[:80]))
        ones = [self.box.profile.program, *([] if self.settings["twin"] else ["tokenizer"])]
        twice = [name for name in ones if sum(f"corral-sim {name}" in each for _, each in services) > 1]
        return found + [each for each in services if any(f"corral-sim {name}" in each[1] for name in twice)]

    def descriptors(self):
        found = []
        folder = pathlib.Path("/proc", str(self.box.process.pid), "fd")
        for entry in folder.iterdir():
            with contextlib.suppress(OSError):
                found.append(re.sub(r":\[\d+\]", "", os.readlink(entry)))
        return found

    def own_kb(self):
        """Memory in use that no file is behind: pages of programs come and go with the system's needs."""
        status = pathlib.Path("/proc", str(self.box.process.pid), "status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+)", status)[1])

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

    def log_size(self):
        return self.box.log_file.stat().st_size

    def log_from(self, begin):
        """What the log has behind so many bytes."""
        with open(self.box.log_file, "rb") as file:
            file.seek(begin)
            return file.read().decode(errors="replace")

    def fresh_log(self):
        """The whole lines of the log since the last call."""
        with open(self.box.log_file, "rb") as file:
            file.seek(self.log_read)
            data = file.read()
        data = data[: data.rfind(b"\n") + 1]
        self.log_read += len(data)
        return data.decode(errors="replace").splitlines()
