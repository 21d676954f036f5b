"""A runtime that listens on every interface with a port compiled into it, and what other machines see of it: nothing."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

from farm import Farm
from harness import BIN, Box, descendants, free_port, has_terminals, processes, started, wait_until


def listeners(pids):
    """[(address, port)] of what these processes listen on, by the kernel's table."""
    held = set()
    for pid in pids:
        try:
            for entry in os.scandir(f"/proc/{pid}/fd"):
                held.add(os.readlink(entry.path))
        except OSError:
            continue
    found = []
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[3] == "0A" and f"socket:[{words[9]}]" in held:
            address, port = words[1].split(":")
            found.append((socket.inet_ntoa(int(address, 16).to_bytes(4, sys.byteorder)), int(port, 16)))
    return found


def of_services(box):
    table = processes()
    return [row for row in listeners(descendants(box.process.pid, table) | {box.process.pid}) if row[1] != box.port]


class Original(Box):
    """The simulator as faithful as can be: it asks for 0.0.0.0 and for a port of its own, which Corral can't tell it."""

    def __init__(self, folder, scenario=None, compiled_in=8000, lines="", prefix=(), **more):
        self.compiled_in, self.lines, self.prefix = compiled_in, lines, list(prefix)
        super().__init__(folder, scenario, **more)

    def environment_of(self, name):
        told = {"CORRAL_SIM_SCENARIO": str(self.folder / "scenario.json"), "CORRAL_SIM_CONTROL": self.socket_path(name)}
        if name == "runtime" and self.compiled_in != 8000:
            told["CORRAL_SIM_PORT"] = str(self.compiled_in)
        return told

    def config_text(self, *more):
        text = super().config_text(*more)
        head, _, tail = text.partition("[models.services.runtime]")
        command = json.loads(re.search(r"^command = (.*)$", tail, re.M)[1])
        pairs = ", ".join(f"{key} = {json.dumps(value)}" for key, value in self.environment_of("runtime").items())
        return (f"{head}[models.services.runtime]\nport = {self.compiled_in}\n{self.lines}\n"
                f"command = {json.dumps(self.prefix + command)}\nenvironment = {{ {pairs} }}\n")

    def state(self):
        return self.get("/readyz").json["models"][0]


def test_the_vendors_port_is_not_open_to_the_network(tmp_path):
    with Original(tmp_path, {"directives": True}) as box:
        open_at = of_services(box)
        assert {address for address, _ in open_at} == {"127.0.0.1"}, open_at
        assert 8000 not in {port for _, port in open_at}
        assert "warning" not in box.state()
        assert box.say("[[text=behind the fence]]") == "behind the fence"


def test_nobody_can_share_the_port(tmp_path):
    with Original(tmp_path, {"directives": True}) as box:
        for _, port in of_services(box):
            with socket.socket() as thief:
                thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                with pytest.raises(OSError):
                    thief.bind(("127.0.0.1", port))
        assert box.say("[[text=alone]]") == "alone"


def test_after_a_crash_it_is_back_at_the_same_port_at_once(tmp_path):
    """Without SO_REUSEPORT connections that fade away must not keep the port."""
    with Original(tmp_path, {"directives": True}) as box:
        assert box.say("[[text=one]]") == "one"
        before = of_services(box)
        killed = box.kill("runtime")
        wait_until(lambda: box.pid_of("runtime") not in (None, killed), what="a new runtime")
        box.wait_ready()
        assert box.say("[[text=two]]") == "two"
        assert sorted(of_services(box)) == sorted(before)


class Twins(Original):
    """Two models on two instances of the same program."""

    def config_text(self, *more):
        text = super().config_text(*more)
        model = text[text.index("[[models]]"):]
        twin = model.replace('name = "sim"', 'name = "twin"').replace(".sock", "-twin.sock")
        return text + twin


def test_two_instances_of_the_same_runtime_run_side_by_side(tmp_path):
    with Twins(tmp_path, {"directives": True}) as box:
        wait_until(lambda: all(m["state"] == "ready" for m in box.get("/readyz").json["models"]), 40, "both are ready")
        open_at = of_services(box)
        assert {address for address, _ in open_at} == {"127.0.0.1"}, open_at
        assert len({port for _, port in open_at}) == len(open_at)
        for model in ("sim", "twin"):
            body = {"model": model, "messages": [{"role": "user", "content": f"[[text=only {model}]]"}], "stream": False}
            assert box.post("/api/chat", body).json["message"]["content"] == f"only {model}"
        polls = [json.loads(line)["polls"] for line in control_states(box)]
        assert all(polls), polls


def control_states(box):
    for path in (box.socket_path("runtime"), box.socket_path("runtime").replace(".sock", "-twin.sock")):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(path)
            s.sendall(b'{"cmd": "state"}\n')
            yield s.makefile().readline()


ESCAPED = ["env", "-u", "LD_PRELOAD"]  # a wrapper that loses the preload on its way


def test_one_that_the_guard_does_not_reach_works_and_is_told_once(tmp_path):
    port = free_port()
    with Original(tmp_path, {"directives": True}, compiled_in=port, prefix=ESCAPED) as box:
        assert ("0.0.0.0", port) in of_services(box)
        assert f"every interface at port {port}" in box.state()["warning"]
        assert "reachable from the network" in box.state()["warning"]
        assert box.say("[[text=still works]]") == "still works"
        killed = box.kill("runtime")
        wait_until(lambda: box.pid_of("runtime") not in (None, killed), what="a new runtime")
        box.wait_ready()
        assert box.say("[[text=again]]") == "again"
        assert len(box.logged_times("reachable from the network", 1)) == 1, box.log()


class Unguarded(Farm):
    """Two models whose program has one port compiled into it, out of the guard's reach, on cards with room for both."""

    def __init__(self, folder, port):
        self.compiled_in = port
        super().__init__(folder, {"alpha": {"mib": 10}, "beta": {"mib": 10}}, device={"cards": 2})

    def table(self, name, **what):
        head, _, tail = super().table(name, **what).partition("[models.services.runtime]")
        command = ESCAPED + json.loads(re.search(r"^command = (.*)$", tail, re.M)[1])
        environment = re.search(r"^environment = (.*)$", tail, re.M)[1]
        environment = environment.replace('"{port}"', f'"{self.compiled_in}"').replace(', CORRAL_SIM_BIND = "127.0.0.1"', "")
        return (f"{head}[models.services.runtime]\nport = {self.compiled_in}\ncommand = {json.dumps(command)}\n"
                f"environment = {environment}\n")


def test_two_models_of_one_compiled_in_port_take_turns_and_are_told_so(tmp_path):
    with Unguarded(tmp_path, free_port()) as box:
        for _ in range(2):
            assert box.who("alpha") == "alpha"
            assert box.who("beta") == "beta"
        assert len(box.logged_times("event=port.turns", 1)) == 1
        log = box.log()
        assert "stop that program" not in log and "service.broken" not in log, log
        assert "takes turns with other models" in json.dumps(box.get("/readyz").json)


def broken(box):
    def reason():
        now = box.state()
        assert now["state"] != "ready", now
        return now["reason"] if now["state"] == "broken" else None

    return wait_until(reason, 30, "broken with a reason")


class Unready(Original):
    def __enter__(self):
        return self.start(wait_ready=False)


def test_required_it_is_never_ready_without_it(tmp_path):
    port = free_port()
    with Unready(tmp_path, compiled_in=port, prefix=ESCAPED, lines='guard = "require"') as box:
        reason = broken(box)
        assert f"port {port}" in reason and "reachable from the network" in reason and 'guard = "warn"' in reason
        assert box.get("/readyz").status == 503
        chat = box.chat("hello")
        assert chat.status == 503 and "does not start" in chat.json["error"], chat.body
        assert box.logged(r'outcome=backend-broken why=".*reachable from the network')
        wait_until(lambda: ("0.0.0.0", port) not in of_services(box), what="the open port is closed")
        starts = box.log().count("event=service.starting")
        calm_until = time.monotonic() + 1
        wait_until(lambda: time.monotonic() >= calm_until, what="a calm second")
        assert box.log().count("event=service.starting") == starts


def test_a_static_program_that_requires_it_is_named_before_it_starts(tmp_path):
    image = bytearray((BIN / "corral-sim").read_bytes())
    for at in range(64, 64 + 20 * 56, 56):
        if image[at] == 3:  # PT_INTERP
            image[at] = 0
            break
    program = tmp_path / "main_api_ax650"
    program.write_bytes(bytes(image))
    program.chmod(0o755)
    with Unready(tmp_path / "box", runtime=[str(program)], lines='guard = "require"') as box:
        reason = broken(box)
        assert "linked statically" in reason and program.name in reason, reason


@pytest.mark.parametrize("guard", ["warn", "require"])
def test_a_guard_library_that_cannot_be_read_is_said(tmp_path, guard):
    port = free_port()
    library = tmp_path / "no-library.so"
    library.write_text("nothing")
    lines = f'guard = "{guard}"\nguard_library = "{library}"'
    with Unready(tmp_path / "box", {"directives": True}, compiled_in=port, lines=lines) as box:
        if guard == "require":
            assert str(library) in broken(box)
        else:
            box.wait_ready()
            assert str(library) in box.state()["warning"]
            assert box.say("[[text=open]]") == "open"


def test_a_second_listener_of_a_service_is_found(tmp_path):
    port = free_port()
    script = f'env -u LD_PRELOAD python3 -m http.server {port} & exec "$@"'
    with Original(tmp_path, {"directives": True}, prefix=["sh", "-c", script, "sh"]) as box:
        # Looks are spaced by what they cost, up to a minute on a busy box.
        wait_until(lambda: f"every interface at port {port}" in box.state().get("warning", ""), 90, "the other port is told")
        assert box.say("[[text=served]]") == "served"


def test_limits_of_a_service_hold(tmp_path):
    lines = "limit_memory_mb = 4096\nlimit_files = 200\nnice = 4"
    with Original(tmp_path, {"directives": True}, lines=lines) as box:
        assert box.say("[[text=enough]]") == "enough"
        pid = box.pid_of("runtime")
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
        assert re.search(rf"Max data size\s+{4096 << 20}\s+{4096 << 20}\s", limits), limits
        assert re.search(r"Max open files\s+200\s+200\s", limits), limits
        assert re.search(r"Max core file size\s+0\s+0\s", limits), limits
        assert os.getpriority(os.PRIO_PROCESS, pid) == min(19, os.getpriority(os.PRIO_PROCESS, box.process.pid) + 4)


def test_a_service_sees_nothing_of_corrals_own_environment(tmp_path):
    box = Original(tmp_path, {"directives": True})
    try:
        box.start(environment={"SECRET_TOKEN": "abc", "LD_LIBRARY_PATH": "/opt/axcl", "LD_BIND_NOW": "1"})
        for service in ("runtime", "tokenizer"):
            words = pathlib.Path(f"/proc/{box.pid_of(service)}/environ").read_bytes().decode().split("\0")
            names = {word.partition("=")[0] for word in words if word}
            assert "LD_LIBRARY_PATH=/opt/axcl" in words
            own = {"CORRAL_TOKEN", "CORRAL_PORTGUARD", "LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONUNBUFFERED", "PYTHONPYCACHEPREFIX", "PATH", "HOME", "USER",
                   "LANG", "TZ", "TMPDIR"}
            if not has_terminals():
                own.add("_STDBUF_O")  # by which what it prints into a pipe comes line by line
            strange = {n for n in names - own if not n.startswith(("LC_", "CORRAL_SIM_"))}
            assert not strange, strange
            preloaded = next((word for word in words if word.startswith("LD_PRELOAD=")), "")
            assert ("portguard" in preloaded) == (service == "runtime")
            assert {os.readlink(f"/proc/{box.pid_of(service)}/fd/0")} == {"/dev/null"}
    finally:
        box.__exit__()


# -- what a killed Corral leaves -------------------------------------------------------------------------------------


def warden_of(box):
    for pid in descendants(box.process.pid):
        if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "herd-warden":
            return pid
    return None


def alive(pid):
    row = processes().get(pid)
    return row is not None and row[1] != "Z"


def rivals_of(box):
    return [pid for pid, (_, _, command) in processes().items() if "corral serve" in command and pid != box.process.pid]


def test_left_overs_of_a_killed_corral_are_stopped_and_others_of_that_name_spared(tmp_path):
    port = free_port()
    # Out of group and session, so that neither the parent-death signal nor a group kill reaches it.
    script = 'setsid "$@" & wait'
    box = Original(tmp_path / "box", {"directives": True}, compiled_in=port, prefix=["sh", "-c", script, "sh"]).start()
    sim = [str(BIN / "corral-sim"), "tokenizer", "--host", "127.0.0.1", "--port", "0"]
    clean = {"PATH": os.environ["PATH"], "CORRAL_SIM_PORT": "0"}
    mine = subprocess.Popen(sim, env=clean, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # Carries a token too, of a daemon that lives: ours, as far as the token tells.
    token = token_of(box.pid_of("runtime"))
    living = token.split(".")
    living[2:4] = [str(os.getpid()), str(start_time(os.getpid()))]
    neighbour = subprocess.Popen(sim, env={**clean, "CORRAL_TOKEN": ".".join(living)}, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
    garbled = subprocess.Popen(sim, env={**clean, "CORRAL_TOKEN": "1.2.x"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    others = [mine, neighbour, garbled]
    started.extend(others)
    try:
        left, rivals = box.pid_of("runtime"), rivals_of(box)
        wrapper = processes()[left][0]
        os.kill(warden_of(box), signal.SIGKILL)
        box.process.kill()
        box.process.wait()
        wait_until(lambda: not alive(wrapper), what="the wrapper died with its parent")
        # Any Corral of this user that starts finds it, as that of a test beside this one.
        assert alive(left) or rivals + rivals_of(box), "nobody was there to stop it"
        box.start()
        assert not alive(left)
        if not rivals + rivals_of(box):
            wait_until(lambda: re.search(rf"process {left}\b.* event=stray\.killed", box.log()), what="it is in the log")
        assert all(other.poll() is None for other in others), "same name, another owner"
        assert box.say("[[text=fresh]]") == "fresh"
    finally:
        for other in others:
            other.kill()
            other.wait()
        box.__exit__()


def token_of(pid):
    words = pathlib.Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return next(word.partition("=")[2] for word in words if word.startswith("CORRAL_TOKEN="))


def start_time(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
