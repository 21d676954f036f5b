"""The three lines of each table: the whole chain, a tight poller on the vendor's protocol, and a naive proxy."""

from __future__ import annotations

import json
import pathlib
import socket
import subprocess

import harness

SCENARIO = {"mode": "text", "directives": True,
            "timing": {"load_ms": 100, "prefill_ms_per_chunk": 20, "tokens_per_second": 50},
            "tokenizer": {"family": "qwen2.5", "print_prompts": False}}


def ask(line, port, prompt, requests, clients):
    """What the measuring client saw: a list of answers, each with the times of its pieces."""
    command = [harness.BIN / "corral-bench-latency", line, "--port", str(port), "--model", harness.MODEL,
               "--prompt", prompt, "--requests", str(requests), "--clients", str(clients)]
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=600)
    if done.returncode != 0:
        raise SystemExit(f"the client of '{line}' failed (status {done.returncode})")
    return json.loads(done.stdout)


class Trace:
    """The runtime's own record of what it did and when. The ring is finite: a gap in it is an error, not a figure."""

    def __init__(self, control):
        self.control = control
        self.seen = 0

    def take(self):
        """All events since the last call."""
        events = self.control(cmd="trace", since=self.seen)["events"]
        if events:
            if self.seen and events[0]["seq"] != self.seen + 1:
                raise SystemExit("the runtime's trace overflowed; these figures would be wrong")
            self.seen = events[-1]["seq"]
        return events


class VendorRuntime:
    """The two simulated vendor programs alone, nothing in front of them."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        (self.folder / "scenario.json").write_text(json.dumps(SCENARIO))
        self.processes = []
        self.port = None

    def __enter__(self):
        try:
            sim, package = harness.BIN / "corral-sim", self.folder / "package"
            subprocess.run([sim, "package", package, "--layers", "4"], check=True, stdout=subprocess.DEVNULL)
            self.start("tokenizer", [sim, "tokenizer", "--host", "127.0.0.1"])
            url = f"http://127.0.0.1:{self.wait('tokenizer', lambda state: state['port'])}"
            flags = [flag.replace("{tokenizer_url}", url) for flag in harness.Box.runtime_flags()]
            self.start("runtime", [sim, "runtime", *flags], cwd=package)
            self.port = self.wait("runtime", lambda state: state["ready"] and state["port"])
        except BaseException:
            self.__exit__()
            raise
        self.trace = Trace(self.control)
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.kill()
            process.wait()

    def start(self, service, command, cwd=None):
        environment = {"PATH": "/usr/bin:/bin", "CORRAL_SIM_SCENARIO": str(self.folder / "scenario.json"),
                       "CORRAL_SIM_CONTROL": str(self.folder / f"{service}.sock"), "CORRAL_SIM_PORT": "0",
                       "CORRAL_SIM_BIND": "127.0.0.1"}
        self.processes.append(subprocess.Popen(command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
                                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def wait(self, service, wanted):
        def look():
            try:
                return wanted(self.service_control(service, cmd="state"))
            except (FileNotFoundError, ConnectionError):
                return None

        return harness.wait_until(look, 20, f"the simulated {service} serves")

    def service_control(self, service, **command):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(str(self.folder / f"{service}.sock"))
            s.sendall(json.dumps(command).encode() + b"\n")
            return json.loads(s.makefile().readline())

    def control(self, **command):
        return self.service_control("runtime", **command)


class Direct:
    name = "direct poller"

    def __init__(self, vendor):
        self.control, self.trace, self.vendor = vendor.control, vendor.trace, vendor

    def ask(self, prompt, requests=1, clients=1):
        return ask("direct", self.vendor.port, prompt, requests, clients)


class Naive(Direct):
    name = "naive 50 ms"

    def ask(self, prompt, requests=1, clients=1):
        return ask("naive", self.vendor.port, prompt, requests, clients)


class Corral:
    name = "Corral"

    def __init__(self, folder):
        self.box = harness.Box(folder, SCENARIO, log_level="info")
        self.trace = Trace(self.control)

    def __enter__(self):
        try:
            self.box.start()
        except BaseException:
            self.box.__exit__()
            raise
        return self

    def __exit__(self, *error):
        self.box.__exit__(*error)

    def control(self, **command):
        return self.box.control("runtime", **command)

    def ask(self, prompt, requests=1, clients=1):
        return ask("corral", self.box.port, prompt, requests, clients)

    def resident_kib(self):
        """Of the daemon, and of its warden (the same program, forked before anything else)."""
        table = harness.processes()
        own = {self.box.process.pid} | harness.descendants(self.box.process.pid, table)
        program = str(harness.BIN / "corral")
        wardens = [p for p in own - {self.box.process.pid} if table[p][2].split(" ")[0] == program]
        return resident_kib(self.box.process.pid), sum(resident_kib(p) for p in wardens)


def resident_kib(pid):
    for line in pathlib.Path("/proc", str(pid), "status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise SystemExit(f"process {pid} is gone")
