"""Boxes as members of a fleet, and HAProxy in front of them with the configuration that 'corral fleet render' writes."""

import contextlib
import csv
import os
import re
import signal
import socket
import subprocess

from client import Client
from harness import BIN, descendants, free_port, wait_until
from upgrade_box import UpgradeBox


def agent(port, asked="sim\n", host="127.0.0.1"):
    with socket.create_connection((host, port), timeout=5) as line:
        line.sendall(asked.encode())
        return line.makefile().read()


def is_ready(box):
    """By its agent's word; False also while that does not listen yet."""
    try:
        return agent(box.agent_port) == "ready up 100%\n"
    except ConnectionRefusedError:
        return False


class Member(UpgradeBox):
    """`fleet`: further lines of [fleet]."""

    def __init__(self, folder, fleet="", **more):
        self.agent_port = free_port()
        super().__init__(folder, {"directives": True, "timing": {"load_ms": 100, "tokens_per_second": 100}},
                         config=f'[fleet]\nagent = "127.0.0.1:{self.agent_port}"\n{fleet}', log_level="info", listen=f"127.0.0.1:{free_port()}", **more)

    def served(self):
        return len(re.findall(r"INFO request id=", self.log()))


def agent_line(box):
    return f"agent = {box.agent_port}\n" if hasattr(box, "agent_port") else ""


def address_of(box):
    return f'{getattr(box, "ip", "127.0.0.1")}:{box.port}'


# Of [edge]: HAProxy as whoever runs the test.
OWN_USER = 'user = ""\ngroup = ""\nchroot = ""\n'


class Watch:
    """'corral fleet render --watch' for the list of an edge with a master; `command`: in place of the master's reload."""

    def __init__(self, edge, command=None):
        self.edge, self.log_file = edge, edge.folder / "watch.log"
        self.command = command

    def __enter__(self):
        command = self.command or ["kill", "-USR2", str(self.edge.process.pid)]
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen([BIN / "corral", "fleet", "render", self.edge.list, "--watch", "--write", self.edge.rules,
                                             "--interval", "1", "--", *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def __exit__(self, *_):
        self.kill()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def log(self):
        return self.log_file.read_text()


class RenderedEdge(Client):
    """HAProxy before `boxes`, each a name, a member and its lines in the list; `edge`: lines of [edge]. Mode -W: a master and its
    worker, and a new worker for each reload."""

    def __init__(self, folder, boxes, edge="", flags=(), environment=None, mode="-db"):
        self.mode = mode
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.headers, self.environment = folder, {}, environment or {}
        self.port = free_port()
        # A name of a Unix socket is short; the folder of a test may not be.
        self.socket = f"/tmp/corral-edge-{os.getpid()}-{self.port}.sock"
        self.names = [name for name, _, _ in boxes]
        self.list = folder / "boxes.toml"
        self.list.write_text(f'[edge]\nlisten = "127.0.0.1:{self.port}"\nsocket = "{self.socket}"\n{OWN_USER}{edge}\n' + "".join(
            f'[[box]]\nname = "{name}"\naddress = "{address_of(box)}"\n{agent_line(box)}{lines}\n'
            for name, box, lines in boxes))
        made = subprocess.run([BIN / "corral", "fleet", "render", *flags, self.list], capture_output=True, text=True)
        assert made.returncode == 0 and made.stderr == "", made.stderr
        self.rules = folder / "haproxy.cfg"
        self.rules.write_text(made.stdout)

    def __enter__(self):
        checked = subprocess.run(["haproxy", "-c", "-f", self.rules], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert "[WARNING]" not in checked.stderr, checked.stderr
        with open(self.folder / "haproxy.log", "wb") as log:
            self.process = subprocess.Popen(["haproxy", self.mode, "-f", self.rules], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **self.environment})
        wait_until(self.knows_all, what="HAProxy has heard of all boxes and models")
        return self

    def __exit__(self, *_):
        workers = descendants(self.process.pid)  # those that a reload left behind end with their last answer
        self.process.terminate()
        self.process.wait()
        for pid in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if os.path.exists(self.socket):
            os.unlink(self.socket)

    def write_list(self, text):
        """At once, as an editor saves: a watch that begins with half a list ends."""
        new = self.list.with_suffix(".new")
        new.write_text(text)
        new.replace(self.list)

    def table(self):
        """The rows of 'show stat'; none while HAProxy starts."""
        with socket.socket(socket.AF_UNIX) as line:
            try:
                line.connect(self.socket)
            except OSError:
                return []
            line.sendall(b"show stat\n")
            return list(csv.DictReader(line.makefile().read().lstrip("# ").splitlines()))

    def servers(self, backend):
        """What HAProxy thinks of each box for a model: its word and the weight."""
        return {row["svname"]: (row["status"].split()[0], int(row["weight"])) for row in self.table()
                if row["pxname"] == backend and row["svname"] in self.names}

    def rests(self):
        """No box has a request of this edge."""
        return not any(int(row["scur"]) for row in self.table() if row["svname"] in self.names)

    def knows_all(self):
        assert self.process.poll() is None, (self.folder / "haproxy.log").read_text()
        rows = [row for row in self.table() if row["svname"] in self.names]
        return rows and all(row["status"].split()[0] in ("UP", "no") and row.get("agent_status", "") in ("", "L7OK") for row in rows)
