"""The stream table: what stands between a server of OpenAI's streams and its clients, beside nothing at all. Pieces carry
the moment of their birth, so the client's clock alone tells each one's way."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import json
import pathlib
import shutil
import subprocess
import urllib.error
import urllib.request

import harness
from measure import percentile

PROGRAM = harness.BIN / "corral-bench-stream"
MS = 1e6
MODEL = "bench"


def ask(port, load):
    command = [PROGRAM, "clients", "--port", port, "--model", MODEL, "--streams", load.streams, "--pieces", load.pieces,
               "--rate", load.rate, "--rounds", load.rounds]
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, timeout=600)
    if done.returncode != 0:
        raise SystemExit(f"the clients of the stream table failed (status {done.returncode})")
    return json.loads(done.stdout)


def processor_ns(pids):
    """Of all threads of these processes, to the nanosecond."""
    total = 0
    for pid in pids:
        for task in pathlib.Path("/proc", str(pid), "task").iterdir():
            with contextlib.suppress(FileNotFoundError):  # it ended just now
                total += int((task / "schedstat").read_text().split()[0])
    return total


def answers(port):
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).read()
        return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


class Started:
    """A program that serves a port of its own until the end of the table."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.port = harness.free_port()
        self.process = None

    def begin(self, command, **how):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, **how)
        try:
            harness.wait_until(lambda: answers(self.port), 60, f"{command[0]} answers")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def pids(self):
        return {self.process.pid} | harness.descendants(self.process.pid)


class Upstream(Started):
    name = "nothing"

    def __enter__(self):
        return self.begin([PROGRAM, "upstream", "--port", self.port])

    def pids(self):
        return set()


class Nginx(Started):
    name = "nginx"

    def __init__(self, folder, upstream):
        super().__init__(folder)
        self.upstream = upstream

    def __enter__(self):
        rules = self.folder / "nginx.conf"
        rules.write_text(f"""daemon off; worker_processes 1; pid {self.folder}/pid; error_log {self.folder}/errors;
events {{ worker_connections 1024; }}
http {{ access_log off; client_body_temp_path {self.folder}/body; proxy_temp_path {self.folder}/proxy;
  fastcgi_temp_path {self.folder}/fastcgi; uwsgi_temp_path {self.folder}/uwsgi; scgi_temp_path {self.folder}/scgi;
  upstream bench {{ server 127.0.0.1:{self.upstream.port}; keepalive 64; }}
  server {{ listen 127.0.0.1:{self.port}; tcp_nodelay on;
    location / {{ proxy_pass http://bench; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }} }} }}
""")
        return self.begin([shutil.which("nginx"), "-p", self.folder, "-c", rules])


class LiteLlm(Started):
    name = "LiteLLM"

    def __init__(self, folder, upstream):
        super().__init__(folder)
        self.upstream = upstream

    def __enter__(self):
        rules = self.folder / "config.yaml"
        rules.write_text(f"model_list:\n- model_name: {MODEL}\n  litellm_params:\n    model: openai/model\n"
                         f"    api_base: http://127.0.0.1:{self.upstream.port}/v1\n    api_key: none\n")
        return self.begin([shutil.which("litellm"), "--config", rules, "--host", "127.0.0.1", "--port", self.port, "--num_workers", "1"])


class CorralStreams(harness.Daemon, harness.Client):
    """Corral in front of the same program, which it starts itself."""

    name = "Corral"
    listen = "127.0.0.1:0"
    headers: dict = {}

    def __init__(self, folder, most_streams):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.log_file, self.config_file = self.folder / "log", self.folder / "corral.toml"
        command = json.dumps([str(PROGRAM), "upstream", "--port", "{port}"])
        self.config_file.write_text(f"""log_level = "info"
profiles = ["{harness.ROOT / 'vendor'}"]
max_queue = 256
[[models]]
name = "{MODEL}"
profile = "vllm-ascend"
package = "{self.folder}"
family = "qwen2.5"
preflight = false
[models.variables]
served_name = "model"
parallel = {most_streams}
[models.services.runtime]
port = 0
command = {command}
""")

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process is not None:
            self.stop()

    def pids(self):
        """Without the server behind it."""
        table = harness.processes()
        own = str(harness.BIN / "corral")
        return {self.process.pid} | {p for p in harness.descendants(self.process.pid, table) if table[p][2].split(" ")[0] == own}


def contenders(stack, folder, most_streams):
    """Those that are on this machine, and the names of those that are not."""
    upstream = stack.enter_context(Upstream(folder / "upstream"))
    found, absent = [upstream], []
    if shutil.which("nginx"):
        found.append(stack.enter_context(Nginx(folder / "nginx", upstream)))
    else:
        absent.append("nginx")
    if shutil.which("litellm") and importlib.util.find_spec("litellm"):
        found.append(stack.enter_context(LiteLlm(folder / "litellm", upstream)))
    else:
        absent.append("LiteLLM")
    found.append(stack.enter_context(CorralStreams(folder / "corral-streams", most_streams)))
    return found, absent


def figures_of(line, load):
    before = processor_ns(line.pids())
    seen = ask(line.port, load)
    spent = processor_ns(line.pids()) - before
    pieces = len(seen["delays_ns"]) + len(seen["first_byte_ns"])
    return {"delay_p50_ms": percentile(seen["delays_ns"], 50) / MS, "delay_p99_ms": percentile(seen["delays_ns"], 99) / MS,
            "delay_max_ms": max(seen["delays_ns"]) / MS, "first_p50_ms": percentile(seen["first_byte_ns"], 50) / MS,
            "first_p99_ms": percentile(seen["first_byte_ns"], 99) / MS, "cpu_ms_per_1000": spent / MS / pieces * 1000}


def tables(plan, folder, say):
    """(streams -> name -> one dict of figures a repetition, names of those that are absent). They take turns."""
    with contextlib.ExitStack() as stack:
        lines, absent = contenders(stack, folder, max(plan.streams))
        for line in lines:
            ask(line.port, Load(max(plan.streams), 1, 5))  # what is done once is not the table's matter
        out = {streams: {line.name: [] for line in lines} for streams in plan.streams}
        for repetition in range(plan.repetitions):
            for load in plan.loads:
                now, streams = {}, load.streams
                for line in lines:
                    say(f"repetition {repetition + 1}/{plan.repetitions}, {streams} streams: {line.name}")
                    now[line.name] = figures_of(line, load)
                direct = now[Upstream.name]
                for name, figures in now.items():
                    for key in ("delay_p50", "delay_p99", "delay_max", "first_p50", "first_p99"):
                        figures[f"{key}_added_ms"] = figures[f"{key}_ms"] - direct[f"{key}_ms"]
                    out[streams][name].append(figures)
    return out, absent


class Plan:
    def __init__(self, repetitions, loads):
        self.repetitions, self.loads = repetitions, loads

    @property
    def streams(self):
        return tuple(load.streams for load in self.loads)


@dataclasses.dataclass(frozen=True)
class Load:
    streams: int
    rounds: int  # of each stream, one after another
    pieces: int  # of each answer
    rate: int = 50  # pieces a second of each stream


# A lone stream has short answers, so that there are first bytes enough.
FULL = Plan(5, (Load(1, 60, 15), Load(16, 8, 60), Load(64, 4, 100)))
QUICK = Plan(2, (Load(1, 20, 15), Load(16, 2, 60), Load(64, 2, 60)))
