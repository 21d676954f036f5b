"""A runtime that can't start: one plain sentence that says so and what to do, no restart storm, never ready."""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

import pytest

from admin_cli import model_of
from harness import BIN, Box, free_port, own_mount, wait_until

# Starts that fail within seconds are tried for as long as this before the breaker opens.
QUICK = '[models.restart]\nfirst_backoff = "50ms"\nmax_backoff = "1s"\n'
LFS_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 1064760\n"


def readiness(box):
    reply = box.get("/readyz")
    return reply.status, reply.json


def broken_reason(box, timeout=20):
    def reason():
        status, state = readiness(box)
        assert status == 503
        model = state["models"][0]
        return model["reason"] if model["state"] == "broken" else None

    return wait_until(reason, timeout, "broken with a reason\n" + str(readiness(box)))


class Opened(Box):
    """Not waiting for readiness, which will not come."""

    def __enter__(self):
        return self.start(wait_ready=False)


def program(folder, kind):
    path = pathlib.Path(folder) / "main_api_axcl_aarch64"
    if kind == "lfs":
        path.write_text(LFS_POINTER)
    elif kind == "html":
        path.write_text("<!DOCTYPE html><html><body>Entry not found</body></html>")
    elif kind == "text":
        path.write_text("Invalid username or password.")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "arch":
        image = bytearray((BIN / "corral-sim").read_bytes())
        image[18:20] = (22).to_bytes(2, "little")  # e_machine: S/390, which no emulator takes little-endian
        path.write_bytes(bytes(image))
    elif kind == "truncated":
        path.write_bytes((BIN / "corral-sim").read_bytes()[:50_000])
    elif kind == "mode":
        shutil.copy(BIN / "corral-sim", path)
    if kind not in ("missing", "mode"):
        path.chmod(0o755)
    elif kind == "mode":
        path.chmod(0o644)
    return path


PROGRAMS = [("lfs", "git-lfs"), ("html", "web page"), ("text", "text"), ("empty", "empty"), ("arch", "built for"),
            ("truncated", "cut off"), ("mode", "execut"), ("missing", "exist")]


@pytest.mark.parametrize("kind,word", PROGRAMS, ids=[k for k, _ in PROGRAMS])
def test_a_program_that_cannot_run_is_named_with_the_reason(tmp_path, kind, word):
    path = program(tmp_path, kind)
    with Opened(tmp_path / "box", runtime=[str(path), *Box.runtime_flags()]) as box:
        reason = broken_reason(box)
        assert word.lower() in reason.lower(), reason
        assert path.name in reason
        assert model_of(box)["learned"]["load_seconds"] is None, "a tokenizer that came up is no loaded model"
        wait_until(lambda: "event=service.broken" in box.log(), what="the line that says so")
        starts = box.log().count(path.name)
        chat = box.chat("hello")
        assert chat.status == 503 and "does not start" in chat.json["error"] and path.name not in chat.json["error"], chat.body
        assert box.logged(rf'(?i)outcome=backend-broken why=".*{word}')
        # No storm: nothing new is tried within two seconds.
        calm_until = time.monotonic() + 2
        wait_until(lambda: time.monotonic() >= calm_until, what="two calm seconds")
        assert box.log().count(path.name) - starts <= 3, box.log()[-2000:]


@pytest.mark.parametrize("layer", [0, 1, 3])
@pytest.mark.parametrize("kind", ["missing", "lfs"])
def test_a_bad_layer_file_is_never_ready_and_said(tmp_path, layer, kind):
    box = Opened(tmp_path, model=QUICK)
    file = box.package / "model" / f"sim_p128_l{layer}_together.axmodel"
    if kind == "missing":
        file.unlink()
    else:
        file.write_text(LFS_POINTER)
    with box:
        # The original comes up and dies at the first reset (docs/facts/vendor_ax.md#start-failures): its port proves nothing.
        reason = broken_reason(box, 40)
        assert "layer" in reason.lower() or "model file" in reason.lower(), reason
        assert readiness(box)[0] == 503


@pytest.mark.parametrize("fault,word", [("start_no_device", "card"), ("start_embed_size", "embedding"),
                                        ("start_post_missing", "post"), ("start_loader", "librar")])
def test_a_failed_start_is_explained_in_plain_words(tmp_path, fault, word):
    with Opened(tmp_path, {"faults": {fault: True}}, model=QUICK) as box:
        assert word in broken_reason(box, 40).lower()


def test_a_runtime_without_its_arguments_says_that_and_not_that_its_port_is_taken(tmp_path):
    with Opened(tmp_path, runtime=[str(BIN / "corral-sim"), "runtime"], model=QUICK) as box:
        assert "started without arguments" in broken_reason(box, 40)


HOLDER = """
import socket, sys, time
s = socket.socket()
if sys.argv[2] == "reuse": s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen()
print("held", flush=True)
while True:
    c, _ = s.accept()
    data = c.recv(65536)
    print(data.decode(errors="replace").replace("\\n", " "), flush=True)
    c.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 27\\r\\nConnection: close\\r\\n\\r\\n{"done":true,"response":""}')
    c.close()
"""


@pytest.mark.parametrize("reuse", ["reuse", "exclusive"])
def test_a_foreign_listener_on_the_runtimes_port_is_named_and_gets_no_prompt(tmp_path, reuse):
    port = free_port()
    seen = tmp_path / "seen.txt"
    with open(seen, "w") as out:
        holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(port), reuse], stdout=out)
    try:
        wait_until(lambda: "held" in seen.read_text(), what="holder listens")
        box = Opened(tmp_path / "box", {"directives": True})
        text = box.config_file.read_text().replace("[models.services.runtime]\nport = 0", f"[models.services.runtime]\nport = {port}")
        box.config_file.write_text(text)
        with box:
            def named():
                status, state = readiness(box)
                assert status == 503
                return str(holder.pid) in state["models"][0]["reason"]

            wait_until(named, 20, "the holder is named")
            box.stream_later("secret prompt").close()
            holder.kill()
            holder.wait()
            box.wait_ready(40)
            assert box.say("[[text=mine again]]") == "mine again"
    finally:
        holder.kill()
        holder.wait()
    assert "POST" not in seen.read_text()


def test_a_foreign_listener_that_comes_later_is_noticed(tmp_path):
    """SO_REUSEPORT lets any process of the same user share the port (docs/facts/vendor_ax.md#port)."""
    box = Box(tmp_path, {"directives": True})
    service = "[models.services.runtime]\n"
    box.config_file.write_text(box.config_file.read_text().replace(service, service + 'guard = "off"\n'))
    with box:
        port = box.control("runtime", cmd="state")["port"]
        with socket.socket() as thief:
            thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            thief.bind(("127.0.0.1", port))
            thief.listen()
            wait_until(lambda: str(os.getpid()) in box.get("/readyz").json["models"][0]["reason"], 30, "the thief is named")
            assert box.get("/readyz").status == 503
        box.wait_ready(40)
        assert box.say("[[text=alone]]") == "alone"


def test_a_runtime_that_keeps_dying_opens_the_breaker(tmp_path):
    rule = '[models.restart]\nfirst_backoff = "10ms"\nmax_backoff = "50ms"\nintensity = 3\nintensity_window = "60s"\n'
    with Opened(tmp_path, {"faults": {"kill_at": {"on": True, "args": {"phase": "load"}}}}, model=rule) as box:
        broken_reason(box, 30)
        starts = box.log().count("corral-sim")
        calm_until = time.monotonic() + 1
        wait_until(lambda: time.monotonic() >= calm_until, what="a calm second")
        assert box.log().count("corral-sim") - starts <= 1
        assert box.get("/healthz").status == 200


def test_where_no_pseudo_terminal_is_to_be_had_it_runs_on_a_pipe(tmp_path):
    box = Box(tmp_path, {"directives": True}, model='restart = { first_backoff = "10ms", max_backoff = "100ms" }')
    try:
        box.start(before_exec=own_mount("/dev/pts", (0, b"size=0,mode=555")))
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"no mount namespace of its own: {error}")
    try:
        assert box.say("[[text=all is well]] hello") == "all is well"
        box.kill("runtime")
        wait_until(lambda: box.get("/readyz").status == 503, what="its end is seen")
        box.wait_ready()
        assert box.say("[[text=again]] hello") == "again"
        assert box.log().count("id=service.without-terminal") == 1
    finally:
        box.__exit__()


@pytest.mark.parametrize("profile, fault, words", [
    ("vllm-ascend", "start_oom", "The NPU's memory is full."),
    ("vllm-ascend", "start_port_taken", "Another program holds the server's port."),
    ("axllm", "start_oom", "There is not enough memory for the model"),
    ("fastllm", "start_port_taken", "Another program holds the server's port."),
])
def test_other_servers_that_can_not_start_say_why(tmp_path, profile, fault, words):
    with Opened(tmp_path, {"faults": {fault: True}}, model=QUICK, profile=profile) as box:
        assert words in broken_reason(box)
