"""The admin socket and the commands that use it: what they say is true, what they ask is done, strangers get nothing."""

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import threading

import pytest

from admin_cli import corral, done, model_of, services_of, status
from harness import BIN, MODEL, Box, wait_until


def socket_of(box):
    return box.folder / "state-home" / "corral" / "corral.sock"


API = "/corral/v1"


class OverSocket(http.client.HTTPConnection):
    """HTTP over the admin socket, also where the path is longer than the kernel takes."""

    def __init__(self, path):
        super().__init__("corral", timeout=20)
        self.path = path

    def connect(self):
        folder = os.open(self.path.parent, os.O_PATH)
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(f"/proc/self/fd/{folder}/{self.path.name}")
        self.sock.settimeout(self.timeout)
        os.close(folder)


def ask(box, method, path, body=None):
    line = OverSocket(socket_of(box))
    try:
        line.request(method, API + path, body if body is None or isinstance(body, bytes) else json.dumps(body))
        reply = line.getresponse()
        return reply.status, json.loads(reply.read())
    finally:
        line.close()


def services_ready(box):
    now = services_of(box)
    return now if all(service["state"] == "ready" for service in now.values()) else None


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    folder = tmp_path_factory.mktemp("admin")
    with Box(folder, {"directives": True, "timing": {"tokens_per_second": 100}}) as running:
        yield running


@pytest.fixture(autouse=True)
def begin_ready(request):
    if "box" in request.fixturenames:
        running = request.getfixturevalue("box")
        done(running, "start", "--wait")
        wait_until(lambda: services_ready(running), what="all services ready")


def test_status_is_true(box):
    now = status(box)
    assert now["ok"] is True and now["pid"] == box.process.pid and now["shutting_down"] is False
    assert [model["name"] for model in now["models"]] == [MODEL]
    model = now["models"][0]
    assert model["state"] == "ready" and model["queue"] == {"waiting": 0, "running": 0}
    services = services_of(box)
    assert list(services) == ["tokenizer", "runtime"]
    for name, service in services.items():
        assert service["pid"] == box.pid_of(name)
        assert service["starts"] >= 1 and service["next_try_seconds"] is None
        assert 0 <= service["for_seconds"] <= now["uptime_seconds"] + 1
    text = done(box, "status", "--long")
    assert MODEL in text and f"process {box.pid_of('runtime')}" in text
    short = done(box, "status")
    assert [line.split()[:2] for line in short.splitlines() if MODEL in line] == [[MODEL, "ready"]] and "runtime" not in short, short


def test_status_counts_running_and_waiting(box):
    stream = box.stream("[[never_end]]")
    next(iter(stream))
    waiting = box.stream_later("waits")
    wait_until(lambda: model_of(box)["queue"] == {"waiting": 1, "running": 1}, what="one runs, one waits")
    waiting.close()
    stream.close()
    wait_until(lambda: model_of(box)["queue"] == {"waiting": 0, "running": 0}, what="nobody left")


def test_status_after_a_kill_counts_the_start_and_names_the_new_process(box):
    before = services_of(box)["runtime"]
    killed = box.kill("runtime")
    assert killed == before["pid"]

    def restarted():
        now = services_of(box)["runtime"]
        return now if now["starts"] == before["starts"] + 1 and now["state"] == "ready" else None

    after = wait_until(restarted, what="ready again")
    assert after["pid"] == box.pid_of("runtime") != killed
    assert services_of(box)["tokenizer"]["pid"] == box.pid_of("tokenizer")


def test_a_stopped_model_stays_stopped_over_requests_and_says_so(box):
    assert "stopped" in done(box, "stop", MODEL)
    assert model_of(box)["state"] == "stopped" and model_of(box)["ids"] == ["request.model-stopped"]
    assert box.pid_of("runtime") is None and box.pid_of("tokenizer") is None
    for _ in range(3):
        reply = box.chat("anybody?")
        assert reply.status == 503, reply.body
        assert "stopped by its operator" in reply.json["error"] and f"corral start {MODEL}" in reply.json["error"]
    load = box.post("/api/generate", {"model": MODEL})
    assert load.status == 503 and "stopped by its operator" in load.json["error"]
    ready = box.get("/readyz")
    assert ready.status == 503 and ready.json["models"][0]["state"] == "stopped"
    assert box.pid_of("runtime") is None
    done(box, "start", "--wait")
    assert box.say("[[text=back]]") == "back"
    assert box.get("/readyz").status == 200


def test_stop_lets_the_running_answer_end_and_refuses_the_waiting(box):
    stream = box.stream("[[n=300]]")
    lines = iter(stream)
    next(lines)
    waiting = box.stream_later("waits")
    wait_until(lambda: model_of(box)["queue"]["waiting"] == 1, what="one waits")
    stopping = threading.Thread(target=done, args=(box, "stop", MODEL))
    stopping.start()
    refused = waiting.open()
    assert refused.status == 503 and "stopped by its operator" in next(iter(refused))["error"]
    assert list(lines)[-1]["done"] is True
    stopping.join(60)
    assert model_of(box)["state"] == "stopped"


def test_no_request_keeps_a_model_that_is_being_stopped(box):
    lines = iter(box.stream("[[n=300]]", keep_alive=-1))
    next(lines)
    assert ask(box, "POST", "/models/unload", {"all": True})[1]["message"] == "stopping"
    load = box.post("/api/generate", {"model": MODEL, "keep_alive": "1h"})
    assert load.status == 503 and "stopped by its operator" in load.json["error"]
    assert list(lines)[-1]["done"] is True
    wait_until(lambda: model_of(box)["state"] == "stopped", what="stopped in the end")


def test_stop_now_cuts_the_running_answer(box):
    lines = iter(box.stream("[[never_end]]"))
    next(lines)
    done(box, "stop", "--now")
    last = list(lines)[-1]
    assert "error" in last, last
    assert model_of(box)["state"] == "stopped"


def test_a_stop_that_outlasts_the_caller_goes_on(box):
    stream = box.stream("[[n=150]]")
    lines = iter(stream)
    next(lines)
    status_code, answer = ask(box, "POST", "/models/unload", {"model": MODEL, "wait_seconds": 0.2})
    assert status_code == 409 and "still running" in answer["error"]
    assert model_of(box)["state"] == "stopping"
    assert list(lines)[-1]["done"] is True
    wait_until(lambda: model_of(box)["state"] == "stopped", what="stopped in the end")


def test_start_during_a_stop_brings_it_back(box):
    stream = box.stream("[[n=60]]")
    lines = iter(stream)
    next(lines)
    assert ask(box, "POST", "/models/unload", {"all": True})[0] == 200
    assert ask(box, "POST", "/models/load", {"all": True})[0] == 200
    assert list(lines)[-1]["done"] is True
    assert box.say("[[text=still served]]") == "still served"


def test_restart_of_a_service_and_of_the_model(box):
    before = services_of(box)
    done(box, "restart", f"{MODEL}/runtime")
    runtime = wait_until(lambda: (now := services_ready(box)) and now["runtime"], what="ready again")
    assert runtime["pid"] != before["runtime"]["pid"]
    assert services_of(box)["tokenizer"]["pid"] == before["tokenizer"]["pid"]
    before = services_of(box)
    done(box, "restart", MODEL)
    after = wait_until(lambda: services_ready(box), what="ready again")
    assert {name: s["starts"] - before[name]["starts"] for name, s in after.items()} == {"tokenizer": 1, "runtime": 1}
    assert box.say("[[text=fresh]]") == "fresh"


def test_many_restarts_by_a_person_open_no_breaker(box):
    for _ in range(7):
        done(box, "restart", f"{MODEL}/runtime")
    wait_until(lambda: services_ready(box), what="ready again")
    assert box.say("[[text=patient]]") == "patient"


def test_unknown_targets_are_named(box):
    run = corral(box, "stop", "nosuch")
    assert run.returncode == 1 and "nosuch" in run.stderr and MODEL in run.stderr
    run = corral(box, "restart", f"{MODEL}/nosuch")
    assert run.returncode == 1 and "tokenizer, runtime" in run.stderr
    run = corral(box, "stop", f"{MODEL}/runtime")
    assert run.returncode == 1 and "restart the service" in run.stderr
    assert model_of(box)["state"] == "ready"


def test_garbage_is_answered_or_cut_and_hurts_nobody(box):
    for body in (b"hello", b"[1,2]", b"\xff\xfe\x00{", b"[" * 5000):
        assert ask(box, "POST", "/models/unload", body)[0] == 400, body
    assert ask(box, "POST", "/models/unload", {})[0] == 400
    assert ask(box, "POST", "/models/unload", {"model": [1]})[0] == 400
    assert ask(box, "POST", "/models/dance", {})[0] == 404
    status_code, refused = ask(box, "POST", "/upgrade", {"program": "bin/corral"})
    assert status_code == 409 and "an absolute path" in refused["error"]
    assert ask(box, "POST", "/reload", b"x" * 70_000)[0] == 413
    for said in (b'{"verb":"stop"}\n', b"POST /corral/v1/models/unload HTTP/1.1\r\nContent-Le"):
        line = OverSocket(socket_of(box))
        line.connect()
        line.sock.sendall(said)
        if said.endswith(b"\n"):
            assert b" 400 " in line.sock.recv(4096), "lines of JSON are the protocol of an earlier version"
        line.close()
    assert status(box)["ok"] is True


def test_the_socket_is_answered_like_the_port_and_has_every_right(box):
    """One API: what a key may ask over TCP, this user may ask here, and what is for this user alone besides."""
    over = ask(box, "GET", "/status")[1]
    assert over["pid"] == box.process.pid and over["models"][0]["tokens_per_second"] == 0
    assert box.get(API + "/status").json["pid"] == over["pid"]
    for path in ("/requests", "/speeds", "/settings", "/incidents", "/openapi.json"):
        assert ask(box, "GET", path)[0] == 200, path
    assert ask(box, "POST", "/reload", {})[1]["unchanged"] == [MODEL]
    for path in ("/upgrade", "/page-link"):
        refused = box.request("POST", API + path, {}, headers={"X-Corral-Action": "1"})
        assert refused.status == 403 and "on the box itself" in refused.json["error"], path
    assert "http" in ask(box, "POST", "/page-link", {})[1]["url"]


def test_idle_connections_do_not_shut_others_out(box):
    idle = [OverSocket(socket_of(box)) for _ in range(20)]
    for line in idle:
        line.connect()
    assert status(box)["ok"] is True
    for line in idle:
        line.close()


def test_only_the_owner_may_connect(box):
    assert stat.S_IMODE(os.stat(socket_of(box)).st_mode) == 0o600
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    path = socket_of(box)
    os.chmod(path, 0o666)  # as if somebody had opened it
    folder = os.open(path.parent, os.O_PATH)
    nobody = 65534
    try:
        script = (f"import os,socket\nos.setuid({nobody})\ns=socket.socket(socket.AF_UNIX)\n"
                  f"s.connect('/proc/self/fd/{folder}/{path.name}')\n"
                  "s.sendall(b'POST /corral/v1/models/unload HTTP/1.0\\r\\nContent-Length: 12\\r\\n\\r\\n{\"all\":true}')\n"
                  "print(s.makefile().read())")
        run = subprocess.run(["/usr/bin/python3", "-c", script], pass_fds=[folder], capture_output=True, text=True,
                             timeout=30)
    finally:
        os.close(folder)
        os.chmod(path, 0o600)
    if run.returncode == 0:  # else the folder itself kept it out
        assert " 403 " in run.stdout and "only root and the user" in run.stdout, run
    else:
        assert "PermissionError" in run.stderr, run
    assert model_of(box)["state"] == "ready"


def test_nobody_there_is_said_and_is_exit_status_1(tmp_path):
    box = Box(tmp_path)
    run = corral(box, "status")
    # With "Start it", or as whom another runs on this machine.
    assert run.returncode == 1 and run.stderr.startswith("error: Corral is not running"), run.stderr
    assert run.stderr.count("\n") == 1 and "tried" not in run.stderr, "one line; the places are for --verbose"
    run = corral(box, "status", "--verbose")
    assert "corral.sock" in run.stderr
    run = corral(box, "status", "--socket", str(tmp_path / "none.sock"), socket=False)
    assert run.returncode == 1 and "none.sock" in run.stderr


def test_a_left_over_socket_is_replaced_and_goes_with_its_daemon(tmp_path):
    box = Box(tmp_path).start()
    box.process.kill()
    box.process.wait()
    assert socket_of(box).exists()
    box.start()
    assert status(box)["pid"] == box.process.pid
    assert box.stop() == 0
    assert not socket_of(box).exists()
    box.__exit__()


def test_the_socket_of_a_living_daemon_is_left_alone(tmp_path):
    with Box(tmp_path) as box:
        second = subprocess.run([BIN / "corral", "serve", "--config", box.config_file, "--listen", "127.0.0.1:0"],
                                capture_output=True, text=True, timeout=30,
                                env={**os.environ, "XDG_STATE_HOME": str(box.folder / "state-home")})
        assert second.returncode == 1
        assert f"process {box.process.pid}" in second.stderr and "corral.sock" in second.stderr
        assert status(box)["pid"] == box.process.pid
        assert box.get("/readyz").status == 200


def test_a_socket_that_somebody_deletes_is_made_again(box):
    for _ in range(2):
        socket_of(box).unlink()
        wait_until(socket_of(box).exists, 20, "the socket is back")
        assert status(box)["pid"] == box.process.pid


def test_a_socket_whose_folder_comes_after_the_start_is_made_then(tmp_path):
    box = Box(tmp_path)
    state = tmp_path / "state-home" / "corral"
    state.parent.mkdir()
    state.write_text("no folder")
    with box:
        box.logged("there is no admin socket")
        state.unlink()
        wait_until(socket_of(box).exists, 20, "the socket is there")
        assert status(box)["pid"] == box.process.pid
    assert not socket_of(box).exists()


def test_the_socket_can_be_elsewhere_or_off(tmp_path):
    with Box(tmp_path / "named", config='admin_socket = "run/here.sock"') as box:
        assert (box.folder / "run" / "here.sock").is_socket()
        assert status(box)["pid"] == box.process.pid
    with Box(tmp_path / "off", config='admin_socket = ""') as box:
        assert not socket_of(box).exists()
        run = corral(box, "status")
        assert run.returncode == 1 and "the admin socket is disabled" in run.stderr


def test_a_file_in_the_place_of_the_socket_is_not_touched(tmp_path):
    (tmp_path / "precious").write_text("data")
    box = Box(tmp_path, config='admin_socket = "precious"')
    run = subprocess.run([BIN / "corral", "serve", "--config", box.config_file, "--listen", "127.0.0.1:0"],
                         capture_output=True, text=True, timeout=30)
    assert run.returncode == 1 and "something other than a socket" in run.stderr
    assert (tmp_path / "precious").read_text() == "data"


def test_status_works_while_the_last_answer_ends(tmp_path):
    box = Box(tmp_path, {"directives": True, "timing": {"tokens_per_second": 60}}).start()
    lines = iter(box.stream("[[n=120]]"))
    next(lines)
    box.process.send_signal(signal.SIGTERM)
    wait_until(lambda: status(box)["shutting_down"], what="it is shutting down")
    refused = corral(box, "restart")
    assert refused.returncode == 1 and "shutting down" in refused.stderr
    assert list(lines)[-1]["done"] is True
    assert box.process.wait(30) == 0


def test_a_stop_that_is_overtaken_by_a_start_says_so(box):
    stream = box.stream("[[never_end]]")
    lines = iter(stream)
    next(lines)
    stopping = subprocess.Popen([BIN / "corral", "stop", "--wait", "--config", box.config_file], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True,
                                env={**os.environ, "XDG_STATE_HOME": str(box.folder / "state-home")})
    wait_until(lambda: model_of(box)["state"] == "stopping", what="it waits for the answer")
    done(box, "start")
    _, said = stopping.communicate(timeout=20)
    assert stopping.returncode == 1 and "was started again" in said, said
    next(lines)
    stream.close()


def test_who_went_away_holds_no_place(box):
    stream = box.stream("[[never_end]]")
    lines = iter(stream)
    next(lines)
    waiting = [OverSocket(socket_of(box)) for _ in range(16)]
    for one in waiting:
        one.request("POST", API + "/models/unload", json.dumps({"all": True, "wait_seconds": 3600}))
    wait_until(lambda: box.log().count("stopped by its operator") >= 16, what="all of them wait")
    for one in waiting:
        one.close()
    assert status(box)["ok"] is True
    next(lines)
    stream.close()
    done(box, "start", "--wait")
