"""Running the simulator's programs and talking to them with plain sockets."""
import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import threading
import time

BINARY = os.environ["CORRAL_SIM"]
FAST = {"load_ms": 0, "prefill_ms_per_chunk": 1, "tokens_per_second": 2000}


def wait_for(condition, what, seconds=15.0):
    """The first true value of condition(), or a failed test after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"never happened: {what}"
        time.sleep(0.005)


def control(path, request):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(path)
        s.sendall(json.dumps(request).encode() + b"\n")
        data = b""
        while not data.endswith(b"\n"):
            chunk = s.recv(1 << 20)
            if not chunk:
                break
            data += chunk
    return json.loads(data)


class Package:
    def __init__(self, folder, flags):
        self.folder = folder
        self.flags = flags

    def path(self, *parts):
        return os.path.join(self.folder, *parts)


def make_package(folder, *options):
    done = subprocess.run([BINARY, "package", folder, *options], check=True, capture_output=True, text=True)
    return Package(folder, done.stdout.split())


class Program:
    """One child with its stdout collected by a thread, from a pipe, a pty or nothing."""

    count = 0

    def __init__(self, kind, args, folder, scenario=None, env=None, cwd=None, stdout="pipe", argv0=None):
        Program.count += 1
        self.kind = kind
        self.socket = os.path.join(folder, f"{kind[0]}{Program.count}.sock")
        environment = {"PATH": "/usr/bin:/bin", "CORRAL_SIM_CONTROL": self.socket, "CORRAL_SIM_PORT": "0",
                       "CORRAL_SIM_BIND": "127.0.0.1"}
        if scenario is not None:
            path = os.path.join(folder, f"scenario{Program.count}.json")
            with open(path, "w") as f:
                json.dump(scenario, f)
            environment["CORRAL_SIM_SCENARIO"] = path
        environment.update(env or {})
        environment = {k: v for k, v in environment.items() if v is not None}
        self.chunks = []
        self.err_chunks = []
        out = subprocess.PIPE
        master = None
        if stdout == "pty":
            try:
                master, slave = pty.openpty()
            except OSError:
                import pytest  # not everybody who starts the programs tests

                pytest.skip("this system has no pseudo terminals")
            attributes = termios.tcgetattr(slave)
            attributes[3] &= ~termios.ECHO
            termios.tcsetattr(slave, termios.TCSANOW, attributes)
            out = slave
        self.started = time.monotonic()
        self.process = subprocess.Popen([argv0 or BINARY] + ([] if argv0 else [kind]) + list(args), cwd=cwd, stdout=out,
                                        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment,
                                        restore_signals=True)
        if master is not None:
            os.close(slave)
        self.out_fd = self.process.stdout.fileno() if master is None else master
        self.err_fd = self.process.stderr.fileno()
        self.out_lock = threading.Lock()
        self.err_lock = threading.Lock()
        self.reader = threading.Thread(target=self._read, args=(self.out_fd, self.chunks, self.out_lock), daemon=True)
        self.err_reader = threading.Thread(target=self._read, args=(self.err_fd, self.err_chunks, self.err_lock),
                                           daemon=True)
        if stdout != "unread":
            self.reader.start()
        self.err_reader.start()
        self.port = None

    def _read(self, fd, into, lock):
        # A method, so that the program lives as long as this thread: else its pipe would be closed first, and the next
        # program's, which gets the number, be read here.
        while True:
            try:
                select.select([fd], [], [])
                with lock:
                    data = os.read(fd, 1 << 16)
                    if data:
                        into.append((time.monotonic(), data))
            except (OSError, ValueError):
                return
            if not data:
                return

    def _collected(self, fd, chunks, lock):
        """What has been written so far, none of it left in the pipe."""
        end = time.monotonic() + 2
        waiting = True
        while waiting and time.monotonic() < end:
            try:
                waiting = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0" * 4))[0] > 0
            except (OSError, ValueError):
                waiting = False
            if waiting:
                time.sleep(0.002)
        with lock:
            return b"".join(c for _, c in chunks)

    @property
    def out(self):
        return self._collected(self.out_fd, self.chunks, self.out_lock)

    @property
    def err(self):
        return self._collected(self.err_fd, self.err_chunks, self.err_lock).decode()

    def ask(self, **request):
        answer = control(self.socket, request)
        assert answer["ok"], answer
        return answer

    def state(self):
        return self.ask(cmd="state")

    def fault(self, name, on=True, **args):
        return self.ask(cmd="fault", name=name, on=on, args=args)

    def try_state(self):
        try:
            return self.state()
        except OSError:
            return None

    def wait_port(self, seconds=15.0):
        def ready():
            assert self.process.poll() is None, f"died with {self.process.returncode}: {self.err} {self.out[-500:]}"
            state = self.try_state()
            if state is None or state["port"] == 0 or state.get("ready") is False:
                return None
            self.port = state["port"]
            try:
                socket.create_connection(("127.0.0.1", self.port), 5).close()
            except OSError:
                return None
            return True
        wait_for(ready, "the program listens", seconds)
        if self.kind == "runtime" and self.reader.is_alive():
            wait_for(lambda: b"Server running on port 8000..." in self.out, "the ready line has been read")
        return self.port

    def wait_exit(self, seconds=15.0):
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still alive after {seconds} s; stdout ends {self.out[-300:]!r}") from None
        self.err_reader.join(5)
        if self.reader.is_alive():
            self.reader.join(5)
        return code

    def send_signal(self, number):
        self.process.send_signal(number)

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait(10)


class Answer:
    def __init__(self, raw, seconds):
        self.raw = raw
        self.seconds = seconds
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        match = re.match(r"HTTP/1\.[01] (\d+)", lines[0])
        self.status = int(match.group(1)) if match else None
        self.header_list = [tuple(line.split(": ", 1)) for line in lines[1:] if ": " in line]
        self.headers = dict(self.header_list)

    def json(self):
        return json.loads(self.body)


def read_answer(sock, head_only=False, seconds=15.0):
    """One answer as the server frames it, or what came before the connection's end."""
    begin = time.monotonic()
    data = b""
    while True:
        head, separator, body = data.partition(b"\r\n\r\n")
        if separator:
            length = re.search(rb"(?i)content-length: (\d+)", head)
            if head_only or (length and len(body) >= int(length.group(1))):
                break
        left = begin + seconds - time.monotonic()
        if left <= 0 or not select.select([sock], [], [], left)[0]:
            break
        try:
            chunk = sock.recv(1 << 20)
        except ConnectionResetError:
            break
        if not chunk:
            break
        data += chunk
    return Answer(data, time.monotonic() - begin)


def exchange(port, raw, head_only=False, seconds=15.0):
    with socket.create_connection(("127.0.0.1", port), seconds) as s:
        s.sendall(raw)
        return read_answer(s, head_only, seconds)


def request(port, method, path, body=None, close=True, seconds=15.0):
    data = b"" if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
    if close:
        head += "Connection: close\r\n"
    return exchange(port, head.encode() + b"\r\n" + data, method == "HEAD", seconds)


class Pair:
    """A tokenizer and a runtime that is ready."""

    def __init__(self, start, package, scenario, tokenizer_scenario=None, stdout="pipe", extra_flags=(), wait=True,
                 env=None):
        scenario = dict(scenario)
        scenario["timing"] = {**FAST, **scenario.get("timing", {})}
        self.tokenizer = start("tokenizer", scenario=tokenizer_scenario if tokenizer_scenario is not None else scenario)
        self.tokenizer.wait_port()
        self.package = package
        self.runtime = start("runtime", self.flags(extra_flags), scenario=scenario, cwd=package.folder, stdout=stdout,
                             env=env)
        self.port = self.runtime.wait_port() if wait else None

    def flags(self, extra=()):
        return ["--devices", "0", "--url_tokenizer_model", f"http://127.0.0.1:{self.tokenizer.port}",
                *self.package.flags, *extra]

    def post(self, path, body):
        return request(self.port, "POST", path, body)

    def get(self, path):
        return request(self.port, "GET", path)

    def poll(self):
        answer = self.get("/api/generate_provider")
        assert answer.status == 200, answer.raw
        return answer.json()

    def state(self):
        return self.runtime.state()

    def idle(self):
        """Waits until nothing runs or waits to run."""
        def quiet():
            state = self.state()
            return not state["running"] and state["queued_jobs"] == 0
        wait_for(quiet, "the runtime is idle")

    def reset(self, system_prompt="abc"):
        before = self.count("reset_end")
        answer = self.post("/api/reset", {"system_prompt": system_prompt})
        assert answer.body == b'{"status": "ok"}', answer.raw
        wait_for(lambda: self.count("reset_end") > before, "the reset is done")
        self.idle()

    def count(self, what):
        return sum(1 for e in self.runtime.ask(cmd="trace")["events"] if e["what"] == what)

    def runs(self, since=0):
        return self.runtime.ask(cmd="runs", since=since)["runs"]

    def generate(self, prompt="Hello", **options):
        answer = self.post("/api/generate", {"prompt": prompt, **options})
        assert answer.body == b'{"status": "ok"}', answer.raw

    def generate_and_die(self, prompt="Hello", **options):
        """The runtime dies of it, and may do so before its answer is out."""
        self.post("/api/generate", {"prompt": prompt, **options})

    def run(self, prompt="Hello", **options):
        """Generates, waits for the end, returns (record, all polled text)."""
        before = len(self.runs())
        self.generate(prompt, **options)
        wait_for(lambda: len(self.runs()) > before, "the run ends")
        self.idle()
        wait_for(lambda: self.state()["queue_bytes"] > 0 or not self.runs()[-1]["streamed"], "text is there")
        return self.runs()[-1], self.poll()["response"]


def lines_of(data):
    """Log text without colours, progress bars overwritten as a terminal shows them."""
    return re.sub(r"\x1b\[[0-9;]*m", "", data.decode("utf-8", "replace"))
