"""Runs the real programs: corral with simulated vendor services behind it, every port from the kernel, all traffic on
loopback. A test sees what a user sees (HTTP, the log, exit statuses) and drives faults through the simulator's own socket."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

from profiles import BY_NAME, service_table

BIN = pathlib.Path(os.environ["CORRAL_BIN_DIR"])
ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = "sim:latest"

FAST = {"load_ms": 50, "prefill_ms_per_chunk": 5, "tokens_per_second": 500}


pause = threading.Event()  # never set
started = []  # every process of corral; conftest.py ends what a failed test left


def wait_until(condition, timeout=20.0, what="condition"):
    """The first true value of `condition()`, polled; fails the test after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {timeout} s: {what}"
        pause.wait(0.005)


def processes():
    """pid -> (parent, state, command line) of everything that runs."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError):
            stat = pathlib.Path("/proc", entry, "stat").read_text()
            state, parent = stat.rpartition(")")[2].split()[:2]
            command = pathlib.Path("/proc", entry, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            found[int(entry)] = (int(parent), state, command.strip())
    return found


def descendants(pid, table=None):
    table = table or processes()
    grown = {pid}
    while True:
        more = {p for p, (parent, _, _) in table.items() if parent in grown} - grown
        if not more:
            return grown - {pid}
        grown |= more


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Stream:
    """A streamed answer: iterate for the decoded lines; `times` holds when each came."""

    def __init__(self, connection, response):
        self.connection, self.response = connection, response
        self.status = response.status
        self.times = []

    def __iter__(self):
        while True:
            line = self.response.readline()
            if not line:
                return
            self.times.append(time.monotonic())
            yield json.loads(line)

    def close(self):
        """Hangs up, as a client that has seen enough."""
        with contextlib.suppress(OSError):
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.response.close()
        self.connection.close()


class LaterStream:
    """A request that is sent now and whose answer is read later, or never."""

    def __init__(self, connection):
        self.connection = connection

    def open(self):
        return Stream(self.connection, self.connection.getresponse())

    def close(self):
        self.connection.close()


class Box:
    """One corral with one simulated model."""

    def __init__(self, folder, scenario=None, config="", model="", tap=True, runtime=None, tokenizer=None, package=None,
                 layers=4, package_flags=(), family="qwen2.5", listen="127.0.0.1:0", log_level="debug", profile="axera-poll"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.profile = BY_NAME[profile]
        self.tap = tap and self.profile.tokenizer
        self.listen = listen
        self.scenario = {"mode": "echo", "timing": dict(FAST), "tokenizer": {"family": "qwen2.5"}}
        for key, value in {**self.profile.scenario, **(scenario or {})}.items():
            if isinstance(value, dict) and isinstance(self.scenario.get(key), dict):
                self.scenario[key].update(value)
            else:
                self.scenario[key] = value
        (self.folder / "scenario.json").write_text(json.dumps(self.scenario))
        self.package = pathlib.Path(package) if package else self.folder / "package"
        if package is None:
            subprocess.run([BIN / "corral-sim", "package", self.package, "--layers", str(layers), *package_flags], check=True,
                           stdout=subprocess.DEVNULL)
            for name, text in self.profile.files.items():
                (self.package / name).write_text(text)
        self.log_file = self.folder / "corral.log"
        self.config_file = self.folder / "corral.toml"
        self.config_file.write_text(self.config_text(config, model, runtime, tokenizer, layers, log_level, family))
        self.process = None
        self.port = None
        self.tls = None  # an ssl.SSLContext where the configuration has [tls]
        self.headers = {}  # of every request, such as a key

    def socket_path(self, service):
        # Unix socket names are short; the folder of a test may not be.
        return f"/tmp/corral-e2e-{os.getpid()}-{abs(hash(str(self.folder))) % 10**8}-{service}.sock"

    def config_text(self, extra, model, runtime, tokenizer, layers, log_level, family):
        """`extra`: top-level lines; `model`: lines of the model; `runtime`, `tokenizer`: commands instead of the usual."""
        sim = str(BIN / "corral-sim")
        services = self.profile.services(self, sim, layers)
        if tokenizer or runtime:
            services = service_table(self, "tokenizer", tokenizer or [sim, "tokenizer", "--host", "127.0.0.1", "--port", "{port}"])
            services += service_table(self, "runtime", runtime or [sim, "runtime", *self.runtime_flags(layers)])
        tap = f"tokenizer_tap = {str(self.tap).lower()}\n" if self.profile.tokenizer else ""
        preflight = "" if self.profile.tokenizer else "preflight = false\n"
        return (f'log_level = "{log_level}"\nprofiles = ["{ROOT / "vendor"}"]\n{extra}\n'
                f'[[models]]\nname = "sim"\nprofile = "{self.profile.name}"\npackage = "{self.package}"\nfamily = "{family}"\n'
                f'package_forbids_thinking = false\n{tap}{preflight}{model}\n' + self.profile.variable_lines() + services)

    @staticmethod
    def inner_port():
        return free_port()

    @staticmethod
    def runtime_flags(layers=4):
        return ["--devices", "0", "--template_filename_axmodel", "model/sim_p128_l%d_together.axmodel",
                "--filename_post_axmodel", "model/sim_post.axmodel",
                "--filename_tokens_embed", "model/model.embed_tokens.weight.bfloat16.bin",
                "--url_tokenizer_model", "{tokenizer_url}", "--axmodel_num", str(layers),
                "--tokens_embed_num", "151936", "--tokens_embed_size", "8"]

    def start(self, wait_ready=True, environment=None, before_exec=None):
        self.log_file.touch()
        self.log_start = len(self.log())
        log = open(self.log_file, "ab")
        self.process = subprocess.Popen([BIN / "corral", "serve", "--config", self.config_file, "--listen", self.listen],
                                        stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                        env={**os.environ, "XDG_STATE_HOME": str(self.folder / "state-home"),
                                             **(environment or {})}, preexec_fn=before_exec)
        started.append(self.process)
        log.close()
        self.port = wait_until(self._listening_port, what="corral listens")
        if wait_ready:
            self.wait_ready()
        return self

    def _listening_port(self):
        found = re.findall(r"listening on https?://127\.0\.0\.1:(\d+)", self.log()[self.log_start:])
        if found:
            return int(found[-1])
        assert self.process.poll() is None, f"corral ended: {self.process.returncode}\n{self.log()}"
        return None

    def log(self):
        return self.log_file.read_text(errors="replace")

    def wait_ready(self, timeout=30.0):
        wait_until(lambda: self.get("/readyz").status == 200, timeout, "/readyz says 200\n" + self.log()[-3000:])

    def stop(self, number=signal.SIGTERM, timeout=30):
        """Exit status of corral after `number`."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process is None:
            return
        family = descendants(self.process.pid)
        try:
            if self.process.poll() is None:
                self.stop()
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        gone = lambda: not (family & {p for p, (_, state, _) in processes().items() if state != "Z"})
        wait_until(gone, 10, f"no process left behind of {family}")

    # -- HTTP ---------------------------------------------------------------------------------------------------------

    def connect(self, timeout=60):
        if self.tls:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=self.tls)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def request(self, method, path, body=None, headers=None, timeout=60):
        connection = self.connect(timeout)
        try:
            data = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
            connection.request(method, path, data, {**self.headers, **(headers or {})})
            response = connection.getresponse()
            return Reply(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, body, **more):
        return self.request("POST", path, body, **more)

    def chat(self, messages, options=None, **more):
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        return self.post("/api/chat", {"model": MODEL, "messages": messages, "stream": False, "options": options or {}, **more})

    def say(self, messages, **more):
        """The answer's text; the request must succeed."""
        reply = self.chat(messages, **more)
        assert reply.status == 200, reply.body
        assert reply.json["done"] is True
        return reply.json["message"]["content"]

    def stream(self, messages, options=None, **more):
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        connection = self.connect()
        connection.request("POST", "/api/chat", json.dumps({"model": MODEL, "messages": messages, "options": options or {}, **more}),
                           self.headers)
        return Stream(connection, connection.getresponse())

    def stream_later(self, text):
        connection = self.connect()
        connection.request("POST", "/api/chat",
                           json.dumps({"model": MODEL, "messages": [{"role": "user", "content": text}]}), self.headers)
        return LaterStream(connection)

    # -- the simulated services -----------------------------------------------------------------------------------------

    def pid_of(self, service):
        """Process of "runtime" or "tokenizer" now, or None."""
        table = processes()
        for pid in sorted(descendants(self.process.pid, table)):
            _, state, command = table[pid]
            program = self.profile.program if service == "runtime" else service
            if state != "Z" and re.search(rf"corral-sim {program}( |$)", command) and not command.startswith(("sh ", "/bin/sh ")):
                return pid
        return None

    def kill(self, service, number=signal.SIGKILL):
        pid = wait_until(lambda: self.pid_of(service), what=f"{service} runs")
        os.kill(pid, number)
        return pid

    def control(self, service, **command):
        def ask():
            try:
                with socket.socket(socket.AF_UNIX) as s:
                    s.settimeout(10)
                    s.connect(self.socket_path(service))
                    s.sendall(json.dumps(command).encode() + b"\n")
                    return json.loads(s.makefile().readline())
            except (FileNotFoundError, ConnectionRefusedError, json.JSONDecodeError):
                return None

        return wait_until(ask, 10, f"control socket of {service}")

    def fault(self, service, name, on=True, **args):
        answer = self.control(service, cmd="fault", name=name, on=on, args=args)
        assert "error" not in answer, answer
        return answer

    def runs(self, since=0):
        """Records of the runs that reached the model; one is written when its run has ended."""
        wait_until(lambda: not self.runtime_state()["running"], what="the last run ended")
        return self.control("runtime", cmd="runs", since=since)["runs"]

    def runtime_state(self):
        return self.control("runtime", cmd="state")
