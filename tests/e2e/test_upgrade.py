"""`corral serve` goes on as another image of its program while models stay loaded: nobody loses an answer, nothing is loaded twice,
and a new program that is no good changes nothing."""

import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading

import pytest

from harness import BIN, MODEL, Box, descendants, free_port, pause, processes, started, wait_until
from keyed_box import certificate, trusting
from test_portguard import ESCAPED, Original, of_services


class UpgradeBox(Box):
    """Runs a copy of the program, so that a test can put another in its place."""

    def start(self, wait_ready=True, environment=None, before_exec=None, listen_fd=None):
        self.program = self.folder / "corral"
        if not self.program.exists():
            install(self.program)
        self.log_file.touch()
        self.log_start = len(self.log())
        command = [self.program, "serve", "--config", self.config_file, "--listen", self.listen]
        if listen_fd is not None:
            command = [sys.executable, "-c", ACTIVATE, str(listen_fd), *map(str, command)]
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, pass_fds=[listen_fd] if listen_fd else [],
                                            env={**os.environ, "XDG_STATE_HOME": str(self.folder / "state-home"), **(environment or {})})
        started.append(self.process)
        self.port = wait_until(self._listening_port, what="corral listens")
        if wait_ready:
            self.wait_ready()
        return self

    def done(self):
        return self.log().count("the upgrade is done")

    def given_up(self):
        return self.log().count("the upgrade was given up")

    def upgrade(self, timeout=60):
        before = self.done()
        self.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: self.done() > before, timeout, "the upgrade is done\n" + self.log()[-3000:])

    def fails_to_upgrade(self, timeout=60):
        before = self.given_up()
        self.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: self.given_up() > before, timeout, "the upgrade is given up\n" + self.log()[-3000:])
        return [line for line in self.log().splitlines() if "the upgrade was given up" in line][-1]

    def services(self):
        return {name: self.pid_of(name) for name in ("tokenizer", "runtime")}

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


# What systemd does for a socket unit: the listener is descriptor 3, and the variables name this process.
ACTIVATE = """
import os, sys
fd = int(sys.argv[1])
if fd != 3:
    os.dup2(fd, 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


def install(program, source=None):
    """As a package manager does: a new file takes the name of the old one."""
    fresh = program.with_suffix(".new")
    if source is None:
        shutil.copy2(BIN / "corral", fresh)
    else:
        fresh.write_text(source)
        fresh.chmod(0o755)
    fresh.replace(program)
    guard = BIN / "libcorral_portguard.so"
    if guard.exists() and not (program.parent / guard.name).exists():
        shutil.copy2(guard, program.parent)


def text_of(stream):
    assert stream.status == 200
    lines = list(stream)
    assert lines and lines[-1].get("done") is True, lines[-1:]
    assert sum(1 for line in lines if line.get("done")) == 1
    return "".join(line["message"]["content"] for line in lines)


class Clients:
    """Many that ask again and again; each answer must be whole and its own."""

    def __init__(self, box, count, keep_alive):
        self.box, self.keep_alive = box, keep_alive
        self.over = threading.Event()
        self.answers, self.problems = [], []
        self.threads = [threading.Thread(target=self.ask, args=(number,)) for number in range(count)]
        for thread in self.threads:
            thread.start()

    def ask(self, number):
        connection = self.box.connect(120)
        turn = 0
        while not self.over.is_set():
            turn += 1
            mark = f"c{number}t{turn}"
            try:
                body = {"model": MODEL, "messages": [{"role": "user", "content": f"[[text={mark} a b c d e f g h {mark}]]"}]}
                connection.request("POST", "/api/chat", json.dumps(body))
                response = connection.getresponse()
                lines = [json.loads(line) for line in response.read().splitlines()]
                text = "".join(line.get("message", {}).get("content", "") for line in lines)
                if response.status != 200 or not lines[-1].get("done") or text != f"{mark} a b c d e f g h {mark}":
                    self.problems.append((mark, response.status, lines[-1], text))
                self.answers.append(mark)
            except (OSError, http.client.HTTPException, ValueError, IndexError) as error:
                self.problems.append((mark, repr(error)))
                connection.close()
            if not self.keep_alive:
                connection.close()
        connection.close()

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def box(tmp_path):
    made = UpgradeBox(tmp_path, {"directives": True})
    with made:
        yield made


@pytest.mark.parametrize("keep_alive", [False, True], ids=["a connection each", "kept connections"])
def test_under_load_nobody_loses_an_answer_and_nothing_is_loaded_again(box, keep_alive):
    before, loads = box.services(), box.log().count("runtime: starting")
    clients = Clients(box, 6, keep_alive)
    try:
        wait_until(lambda: len(clients.answers) > 10, what="answers come")
        install(box.program)
        box.upgrade()
        served = len(clients.answers)
        wait_until(lambda: len(clients.answers) > served + 10, what="answers come from the new image")
    finally:
        clients.stop()
    assert clients.problems == []
    assert box.services() == before
    assert box.log().count("runtime: starting") == loads
    assert box.process.poll() is None
    assert "1 of 1 models stayed loaded" in box.log()


def test_the_new_program_is_the_one_that_runs(box):
    old = os.stat(f"/proc/{box.process.pid}/exe").st_ino
    install(box.program)
    box.upgrade()
    assert os.stat(f"/proc/{box.process.pid}/exe").st_ino == os.stat(box.program).st_ino != old


def test_a_long_answer_is_finished_first_and_those_who_come_meanwhile_are_served_after(tmp_path):
    with UpgradeBox(tmp_path, {"directives": True, "timing": {"tokens_per_second": 40}}) as box:
        before = box.services()
        long = box.stream("[[n=60]]")
        lines = iter(long)
        next(lines)
        queued = box.stream_later("[[text=was queued]]")
        wait_until(lambda: box.get("/readyz").json["queue"]["waiting"] == 1, what="one waits")
        box.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: "what was admitted is answered first" in box.log(), what="it drains")
        late = box.stream_later("[[text=came late]]")
        rest = list(lines)
        assert rest[-1].get("done") is True and rest[-1]["eval_count"] >= 60, rest[-1]
        assert text_of(queued.open()) == "was queued"
        assert text_of(late.open()) == "came late"
        assert box.done() == 1
        assert box.services() == before


def test_a_connection_that_was_idle_stays_open(box):
    connection = box.connect()
    connection.request("GET", "/api/version")
    assert connection.getresponse().read()
    ours = connection.sock.getsockname()
    box.upgrade()
    connection.request("GET", "/api/version")
    assert connection.getresponse().status == 200
    assert connection.sock.getsockname() == ours


def test_with_tls_kept_connections_end_and_new_ones_are_served(tmp_path):
    certificate(tmp_path / "tls", "box.lan")
    box = UpgradeBox(tmp_path, {"directives": True}, config='[tls]\ncertificate = "tls/cert.pem"\nkey = "tls/key.pem"')
    box.tls = trusting(tmp_path / "tls")
    with box:
        before = box.services()
        kept = box.connect()
        kept.request("GET", "/api/version")
        assert kept.getresponse().read()
        box.upgrade()
        assert kept.sock.recv(1) == b""
        assert box.say("[[text=still encrypted]]") == "still encrypted"
        assert box.services() == before


BROKEN = {
    "exits": ("#!/bin/sh\necho 'error: something is missing' >&2\nexit 1\n", "something is missing"),
    "speaks nonsense": ("#!/bin/sh\necho hello\n", "not that of corral"),
    "another version": ('#!/bin/sh\necho \'{"handover_version": 99, "version": "9", "models": {}}\'\n', "another version"),
    "no program": ("just words\n", ""),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_new_program_that_is_no_good_changes_nothing(box, how):
    before, open_before = box.services(), box.descriptors()
    install(box.program, BROKEN[how][0])
    assert BROKEN[how][1] in box.fails_to_upgrade()
    assert box.say("[[text=as before]]") == "as before"
    assert box.services() == before
    wait_until(lambda: box.descriptors() <= open_before, what="no descriptor is left open")


def test_a_program_that_is_not_executable_changes_nothing(box):
    install(box.program)
    box.program.chmod(stat.S_IRUSR | stat.S_IWUSR)
    assert "execut" in box.fails_to_upgrade()
    assert box.say("[[text=as before]]") == "as before"


def test_a_new_program_that_hangs_is_killed_and_changes_nothing(box):
    before = box.services()
    install(box.program, "#!/bin/sh\nsleep 1000\n")
    assert "did not answer within" in box.fails_to_upgrade()
    assert box.say("[[text=as before]]") == "as before"
    assert box.services() == before
    assert not any("sleep 1000" in command for pid, (_, _, command) in processes().items() if pid in descendants(box.process.pid))


def test_a_configuration_with_a_mistake_is_seen_before_anything_changes(box):
    good = box.config_file.read_text()
    box.config_file.write_text("lisetn = 1\n" + good)
    assert "lisetn" in box.fails_to_upgrade()
    assert box.say("[[text=as before]]") == "as before"
    box.config_file.write_text(good)
    box.upgrade()


def test_an_answer_without_end_makes_the_upgrade_give_up_and_go_on(tmp_path):
    with UpgradeBox(tmp_path, {"directives": True}, config='upgrade_limit = "1s"') as box:
        endless = box.stream("[[never_end]]")
        lines = iter(endless)
        next(lines)
        box.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: "what was admitted is answered first" in box.log(), what="it drains")
        waiting = box.connect()
        waiting.request("GET", "/api/version")
        wait_until(lambda: box.given_up() == 1, what="it is given up")
        assert waiting.getresponse().status == 200
        assert next(lines)["done"] is False
        endless.close()
        assert box.say("[[text=and on]]") == "and on"
        box.upgrade()


def test_an_exec_that_fails_is_undone(box):
    """The new program answers twice that it can take over, and is no program any more when it is to."""
    before, open_before = box.services(), box.descriptors()
    asked = box.folder / "asked"
    install(box.program, f"""#!/bin/sh
echo again >> {asked}
if [ $(wc -l < {asked}) -ge 2 ]; then
    printf '#!/no/such/interpreter\\n' > {box.program}.spoilt && chmod +x {box.program}.spoilt && mv {box.program}.spoilt {box.program}
fi
exec {BIN / "corral"} "$@"
""")
    idle = box.connect()
    idle.request("GET", "/api/version")
    assert idle.getresponse().read()
    assert "cannot execute" in box.fails_to_upgrade()
    assert len(asked.read_text().split()) == 2
    idle.request("GET", "/api/version")
    assert idle.getresponse().status == 200
    idle.close()
    assert box.say("[[text=as before]]") == "as before"
    assert box.services() == before
    wait_until(lambda: box.descriptors() <= open_before, what="no descriptor is left open")
    install(box.program)
    box.upgrade()
    assert box.services() == before


def test_without_the_tap_it_works_too(tmp_path):
    with UpgradeBox(tmp_path, {"directives": True}, tap=False) as box:
        before = box.services()
        box.upgrade()
        assert box.say("[[text=no tap]]") == "no tap"
        assert box.services() == before


class UpgradeOriginal(UpgradeBox, Original):
    """A runtime with a port compiled in, moved by the guard or followed."""


@pytest.mark.parametrize("how", ["moved", "no library", "not reached"])
def test_a_guarded_runtime_stays_where_it_is(tmp_path, how):
    lines = 'guard_library = "/no/such/library.so"' if how == "no library" else ""
    prefix = ESCAPED if how == "not reached" else ()
    with UpgradeOriginal(tmp_path, {"directives": True}, compiled_in=free_port(), lines=lines, prefix=prefix) as box:
        before, open_at = box.services(), sorted(of_services(box))
        box.upgrade()
        assert box.services() == before
        assert sorted(of_services(box)) == open_at
        assert box.say("[[text=same place]]") == "same place"
        wait_until(lambda: bool(box.state().get("warning")) == (how != "moved"), what="what the guard did is known")
        box.kill("runtime")
        wait_until(lambda: box.pid_of("runtime") not in (None, before["runtime"]), what="a new runtime")
        box.wait_ready()
        assert sorted(of_services(box)) == open_at
        assert box.say("[[text=again]]") == "again"


def test_two_upgrades_in_a_row_and_a_runtime_killed_right_after(box):
    before = box.services()
    box.upgrade()
    box.upgrade()
    assert box.services() == before
    assert box.say("[[text=third image]]") == "third image"
    box.kill("runtime")
    wait_until(lambda: box.pid_of("runtime") not in (None, before["runtime"]), what="a new runtime")
    box.wait_ready()
    assert "killed by SIGKILL" in box.log()
    assert box.pid_of("tokenizer") == before["tokenizer"]
    assert box.say("[[text=after the kill]]") == "after the kill"
    family = descendants(box.process.pid)
    assert box.stop() == 0
    wait_until(lambda: not {p for p in family if p in processes() and processes()[p][1] != "Z"}, 5, "no process left")


def test_kill_9_after_an_upgrade_leaves_no_process(box):
    box.upgrade()
    family = descendants(box.process.pid)
    assert set(box.services().values()) <= family
    box.process.kill()
    box.process.wait()
    wait_until(lambda: not {p for p in family if p in processes() and processes()[p][1] != "Z"}, 5, "no process left")


def test_a_tokenizer_killed_right_after_is_healed_without_a_load(box):
    before = box.services()
    box.upgrade()
    box.kill("tokenizer")
    wait_until(lambda: box.pid_of("tokenizer") not in (None, before["tokenizer"]), what="a new tokenizer")
    box.wait_ready()
    assert box.say("[[text=healed]]") == "healed"
    assert box.pid_of("runtime") == before["runtime"]


def test_a_runtime_that_still_loads_is_waited_for(tmp_path):
    with UpgradeBox(tmp_path, {"directives": True, "timing": {"load_ms": 2500}}) as box:
        box.kill("runtime")
        loading = wait_until(lambda: box.pid_of("runtime"), what="it loads again")
        box.upgrade()
        assert box.pid_of("runtime") == loading
        assert box.say("[[text=ready]]") == "ready"


def test_a_model_whose_command_is_another_is_started_anew(box):
    before = box.services()
    text = box.config_file.read_text()
    box.config_file.write_text(text.replace('CORRAL_SIM_BIND = "127.0.0.1"', 'CORRAL_SIM_BIND = "127.0.0.1", OTHER = "1"'))
    box.upgrade()
    box.wait_ready()
    after = box.services()
    assert after["runtime"] != before["runtime"] and after["tokenizer"] != before["tokenizer"]
    assert "0 of 1 models stayed loaded" in box.log()
    assert box.say("[[text=new]]") == "new"


def test_a_model_that_was_unloaded_stays_so(box):
    assert box.post("/api/generate", {"model": MODEL, "keep_alive": 0}).status == 200
    wait_until(lambda: box.pid_of("runtime") is None, what="it is unloaded")
    box.upgrade()
    assert box.pid_of("runtime") is None
    assert box.say("[[text=again]]") == "again"


def test_sigterm_while_an_upgrade_waits_ends_it_all(tmp_path):
    box = UpgradeBox(tmp_path, {"directives": True, "timing": {"tokens_per_second": 60}}).start()
    lines = iter(box.stream("[[n=60]]"))
    next(lines)
    box.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: "what was admitted is answered first" in box.log(), what="it drains")
    family = descendants(box.process.pid)
    assert box.stop() == 0
    assert list(lines)[-1].get("done") is True
    wait_until(lambda: not {p for p in family if p in processes() and processes()[p][1] != "Z"}, 5, "no process left")


def test_five_upgrades_leave_no_descriptor_and_no_process_behind(box):
    box.upgrade()  # the first image had other parents of the same things
    assert box.say("[[text=warm]]") == "warm"

    def settled():
        """A client's connection lives a moment longer than its answer, so the least of some looks."""
        looks = []
        for _ in range(40):
            looks.append((box.descriptors(), len(descendants(box.process.pid))))
            pause.wait(0.02)
        return min(looks)

    before = settled()
    for turn in range(5):
        box.upgrade()
        assert box.say(f"[[text=turn {turn}]]") == f"turn {turn}"
    assert settled() == before


def test_systemd_sees_one_service_that_reloads(tmp_path):
    path = f"/tmp/corral-e2e-upgrade-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(path)
        systemd.settimeout(30)
        try:
            box = UpgradeBox(tmp_path, {"directives": True}).start(environment={"NOTIFY_SOCKET": path})
            box.process.send_signal(signal.SIGUSR2)
            told = ""
            while not re.search(r"RELOADING=1\nMONOTONIC_USEC=\d+(.|\n)*READY=1", told):
                told += systemd.recv(4096).decode() + "\n"
            assert told.count("READY=1") == 2, told
            box.__exit__()
        finally:
            os.unlink(path)


def listening_socket(port=0):
    made = socket.socket()
    made.bind(("127.0.0.1", port))
    made.listen(16)
    return made


def test_a_socket_of_the_service_manager_is_used(tmp_path):
    with listening_socket() as ours:
        port = ours.getsockname()[1]
        early = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        early.request("GET", "/api/version")  # before the service is there
        box = UpgradeBox(tmp_path, {"directives": True}, listen=f"127.0.0.1:{port}").start(listen_fd=ours.fileno())
        try:
            assert box.port == port
            assert early.getresponse().status == 200
            assert "LISTEN_FDS" not in pathlib.Path(f"/proc/{box.pid_of('runtime')}/environ").read_text()
            box.upgrade()
            assert box.say("[[text=activated]]") == "activated"
            assert "the socket of the service manager listens on" not in box.log()
        finally:
            box.__exit__()
        # It was never ours to close.
        with socket.create_connection(("127.0.0.1", port), 5):
            pass


def test_a_socket_at_another_address_is_used_and_told(tmp_path):
    with listening_socket() as ours:
        port, other = ours.getsockname()[1], free_port()
        box = UpgradeBox(tmp_path, {"directives": True}, listen=f"127.0.0.1:{other}").start(listen_fd=ours.fileno())
        try:
            assert box.port == port
            assert re.search(rf"listens on 127\.0\.0\.1:{port}, and 'listen' says 127\.0\.0\.1:{other}", box.log())
            box.upgrade()
            assert box.get("/api/version").status == 200
        finally:
            box.__exit__()


@pytest.mark.parametrize("value", ["0", "-1", "9999", "words", "5"])
def test_a_handover_that_is_none_is_no_obstacle(tmp_path, value):
    box = UpgradeBox(tmp_path, {"directives": True}).start(environment={"CORRAL_HANDOVER": value})
    try:
        assert "everything is started anew" in box.log()
        assert box.say("[[text=well]]") == "well"
    finally:
        box.__exit__()
