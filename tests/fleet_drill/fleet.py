"""Real boxes with simulated vendor services, each in its namespace, and HAProxy in front of them."""

from __future__ import annotations

import contextlib
import http.client
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

from farm import Farm
from fleet_boxes import RenderedEdge, agent
from harness import BIN, wait_until
from lines import Line
from upgrade_box import UpgradeBox

PORT, AGENT = 11434, 9110
CARD_MIB = 7040
ROOM_FOR_BOTH, ROOM_FOR_ONE = 3000, 5000  # MiB of a model
# Of HAProxy's log of requests, behind the moment when it came.
PROBED = re.compile(r'^(?P<ended>\S+) .* clients (?P<backend>\S+)/\S+ \d+/(?P<wait>-?\d+)/-?\d+/-?\d+/(?P<whole>\d+) .*"POST /api/show ')
REMEMBERS = 'clocks = { compare_after = "50ms" }\n'


class Box(Farm, UpgradeBox):
    """At the end of a line; its models are loaded at the same time where `mib` of each leaves room."""

    log_level = "info"
    agent_port = AGENT

    def __init__(self, folder, line, models, mib, tokens_per_second, keys):
        self.line, self.ip, self.name = line, line.ip, line.name
        folder.mkdir(parents=True)
        shutil.copy2(keys / "keys", folder / "keys")
        os.chmod(folder / "keys", 0o600)
        key = (keys / "key").read_text().strip()
        head = f'stream_errors = "line"\n[access]\nkeys = "keys"\n[fleet]\nagent = "0.0.0.0:{AGENT}"\n'
        super().__init__(folder, {model: {"mib": mib, "lines": REMEMBERS} for model in models}, {"total_mib": CARD_MIB}, head,
                         {"load_ms": 800, "prefill_ms_per_chunk": 20, "tokens_per_second": tokens_per_second})
        self.headers = {"Authorization": f"Bearer {key}"}
        self.listen = f"0.0.0.0:{PORT}"

    def command(self):
        return ["ip", "netns", "exec", self.line.name, *super().command()]

    def connect(self, timeout=60):
        return http.client.HTTPConnection(self.ip, PORT, timeout=timeout)

    def serves_all(self):
        """Its agent gives requests for each of its models, loaded or not."""
        with contextlib.suppress(OSError):
            return all(re.search(r" up [1-9]", agent(AGENT, f"{model}\n", self.ip)) for model in self.models)
        return False

    def kill_all(self):
        """As a machine that goes without a word, except that its kernel still tells its peers."""
        for _ in range(20):
            pids = self.line.pids()
            if not pids:
                break
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.2)

    def signal_all(self, number):
        for pid in self.line.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


class Edge(RenderedEdge):
    """As Debian's service runs it: a master and its worker, and a new worker for each reload. Its log goes to `requests.log`."""

    def __init__(self, folder, boxes, settings):
        super().__init__(folder, boxes, f'log = "syslog"\n{settings}', flags=["--ask"], mode="-W")
        self.syslog = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.syslog.bind(str(folder / "syslog"))

    def __enter__(self):
        self.over = threading.Event()
        self.reader = threading.Thread(target=self.write_log)
        self.reader.start()
        return super().__enter__()

    def write_log(self):
        self.syslog.settimeout(0.2)
        with open(self.folder / "requests.log", "w") as log:
            while not self.over.is_set():
                with contextlib.suppress(TimeoutError):
                    log.write(f"{time.monotonic():.3f} {self.syslog.recv(65536).decode(errors='replace').rstrip()}\n")
                    log.flush()

    def lost(self, model, since, until):
        """The most, in seconds, that a probe of this time (monotonic) took beside its wait for a place on a box."""
        most = 0.0
        for line in (self.folder / "requests.log").read_text().splitlines():
            found = PROBED.search(line)
            if found and found["backend"] == f"model_{model}:latest":
                wait, whole = max(0, int(found["wait"])) / 1000, int(found["whole"]) / 1000
                if since <= float(found["ended"]) - whole + wait <= until:
                    most = max(most, whole - wait)
        return most

    def reload(self):
        self.process.send_signal(signal.SIGUSR2)

    def __exit__(self, *more):
        super().__exit__(*more)
        self.over.set()
        self.reader.join()
        self.syslog.close()


def new_keys(folder):
    folder.mkdir()
    made = subprocess.run([BIN / "corral", "key", "new", "drill", "--file", folder / "keys", "--scope", "observe,operate,inference"],
                          capture_output=True, text=True, check=True)
    (folder / "key").write_text(re.search(r"sk-corral-\S+", made.stdout)[0] + "\n")
    (folder / "key").chmod(0o600)
    return folder


class Fleet:
    """`models`: those of each box, in turn; `mib` and `speeds` (tokens a second): of each box."""

    def __init__(self, folder, models, mib, speeds):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.keys = new_keys(self.folder / "keys")
        self.key = (self.keys / "key").read_text().strip()
        self.boxes = [Box(self.folder / f"box{number}", line_of(number), names, mib[number - 1], speeds[number - 1], self.keys)
                      for number, names in enumerate(models, 1)]
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        for box in self.boxes:
            box.start(wait_ready=False)
            self.stack.callback(self.end, box)
        for box in self.boxes:
            wait_until(box.serves_all, 120, f"{box.name} is ready\n")
        return self

    def end(self, box):
        if box.process.poll() is None:
            box.signal_all(signal.SIGCONT)
            box.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                box.process.wait(30)
        box.kill_all()
        box.line.heal()

    def __exit__(self, *more):
        return self.stack.__exit__(*more)

    def edge(self, name, settings="", lines=None):
        """Its boxes, which are asked for their models; `lines`: more for a box of that number."""
        members = [(box.name, box, f'key_file = "{self.keys / "key"}"\n' + (lines or {}).get(box.line.number, ""))
                   for box in self.boxes]
        made = Edge(self.folder / name, members, settings)
        made.headers = {"Authorization": f"Bearer {self.key}"}
        return made


_lines: dict[int, Line] = {}


def line_of(number):
    """Each once: the parts of a drill follow each other on the same lines."""
    if number not in _lines:
        _lines[number] = Line(number)
    return _lines[number]
