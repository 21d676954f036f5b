"""The start of the runtime: bytes, flush points, order, and what the command line does."""
import os
import re
import signal
import socket
import subprocess

import pytest

from simulated import BINARY, FAST, make_package, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
RIG = ("--layers", "2", "--max-token-len", "256", "--chunk", "32", "--groups", "32,64,128", "--kv-size", "8")
READY = b"Server running on port 8000...\n"


def normal(text):
    text = re.sub(r"\[\d+\.\d\ds<\d+\.\d\ds, \d+\.\d\d count/s\]", "[TIMES]", text)
    text = re.sub(r"uid: [0-9a-f-]{36}", "uid: UUID", text)
    text = re.sub(r"bos_id: -?\d+, eos_id: \d+", "bos_id: B, eos_id: E", text)
    text = re.sub(r"http://127\.0\.0\.1:\d+", "URL", text)
    return re.sub(r"init [01] axmodel", "init N axmodel", text)  # any order


def recorded():
    with open(os.path.join(HERE, "data", "startup_pipe.txt"), newline="") as f:
        return normal(f.read())


@pytest.fixture
def tokenizer_url(start):
    tokenizer = start("tokenizer", scenario={})
    tokenizer.wait_port()
    return ["--url_tokenizer_model", f"http://127.0.0.1:{tokenizer.port}"]


def test_the_log_of_a_start_on_a_pipe_is_the_recorded_one(start, folder, tokenizer_url):
    own = make_package(os.path.join(folder, "rig"), *RIG)
    os.remove(own.path("post_config.json"))
    runtime = start("runtime", ["--devices", "0", *tokenizer_url, *own.flags], cwd=own.folder,
                    scenario={"timing": {**FAST, "load_ms": 300}})
    runtime.wait_port()
    assert normal(runtime.out.decode()) == recorded()
    chunks = [data for _, data in runtime.chunks]
    # Nothing is flushed before the first progress update, and the ready line brings all that came before it.
    assert chunks[0].startswith(b"\x1b[1;30;32m[I][                            Init][ 130]: LLM init start")
    assert b"tokenizer init ok\x1b[0m" in chunks[0]
    assert chunks[-1].endswith(READY) and b"LLM init ok" in chunks[-1]
    assert runtime.err == "sh: 1: /usr/bin/axcl/axcl-smi: not found\n" * 3


def test_on_a_pty_each_line_comes_when_it_is_printed(pair):
    p = pair({"timing": {"load_ms": 800}}, stdout="pty", wait=False)
    # On a pipe this line would wait for the first progress update.
    wait_for(lambda: b"LLM init start\x1b[0m\r\n" in p.runtime.out, "first line")
    p.runtime.wait_port()
    wait_for(lambda: p.runtime.out.endswith(b"LLM init ok\x1b[0m\r\nServer running on port 8000...\r\n"), "last lines")
    out = p.runtime.out
    assert re.search(rb"\r 14% \| (?:\xe2\x96\x88)+ +\|   1 /   7 \[", out)


def test_buffered_lines_are_lost_on_a_pipe_when_the_process_is_terminated(start, package):
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    flags = ["--devices", "0", "--url_tokenizer_model", url, *package.flags]
    pipe = start("runtime", flags, cwd=package.folder)
    tty = start("runtime", flags, cwd=package.folder, stdout="pty")
    wait_for(lambda: b"connect failed " + url.encode() + b", try again in  9/10 \r\n" in tty.out, "a try on the pty")
    wait_for(pipe.try_state, "the control socket")
    pipe.send_signal(signal.SIGTERM)
    assert pipe.wait_exit() == -signal.SIGTERM
    assert pipe.out == b""
    closed.close()


def test_nothing_listens_until_the_whole_model_is_loaded(pair):
    p = pair({"timing": {"load_ms": 600}}, wait=False)
    seen = set()

    def loaded():
        state = p.runtime.try_state()
        if state is None:
            return False
        if state["phase"] == "loading":
            assert state["port"] == 0 and not state["ready"]
            seen.add("loading")
        return state["ready"]

    wait_for(loaded, "ready")
    assert seen == {"loading"}


def test_the_on_chip_build_loads_in_order_and_has_no_card_lines(start, package, tokenizer_url):
    runtime = start("runtime", [*tokenizer_url, *package.flags], cwd=package.folder,
                    scenario={"build": "ax650", "timing": FAST, "remain_cmm_mb": 5621})
    runtime.wait_port()
    out = runtime.out.decode()
    assert re.findall(r"init (\d) axmodel ok,remain_cmm\(\d+ MB\)", out) == ["0", "1", "2", "3"]
    assert "init post axmodel ok,remain_cmm(5621 MB)" in out
    assert "AXCLWorker" not in out and "remain cmm(MB)" not in out and runtime.err == ""
    assert "Init][ 110]: LLM init start" in out and "Init][ 218]: LLM init ok" in out


def test_layers_of_the_card_build_come_in_any_order(pair):
    orders = set()
    for _ in range(6):
        p = pair({})
        orders.add(tuple(re.findall(r"init (\d) axmodel ok", p.runtime.out.decode())))
        p.runtime.end()
        p.tokenizer.end()
        if len(orders) > 1:
            break
    assert len(orders) > 1
    assert all(sorted(o) == ["0", "1", "2", "3"] for o in orders)


def run(*args, **env):
    return subprocess.run([BINARY, "runtime", *args], capture_output=True, timeout=20,
                          env={"PATH": "/usr/bin:/bin", **env})


def usage(argv0):
    with open(os.path.join(HERE, "data", "usage_axcl.txt")) as f:
        return f.read().replace("usage: BIN", f"usage: {argv0}")


@pytest.mark.parametrize("args, status, first", [
    ((), 0, ""),
    (("--help",), 0, ""),
    (("-?",), 0, ""),
    (("--devices", "0,", "--bogus", "1"), 1, "undefined option: --bogus\n"),
    (("--port", "9000", "--devices", "0,"), 1, "undefined option: --port\n"),
    (("--axmodel_num", "2"), 1, "need option: --devices\n"),
    (("--devices", "0,", "--axmodel_num", "abc"), 1, "option value is invalid: --axmodel_num=abc\n"),
    (("--devices", "0", "--use_mmap_load_embed", "true"), 1, "option value is invalid: --use_mmap_load_embed=true\n"),
    (("--devices", "0", "--axmodel_num"), 1, "option needs value: --axmodel_num\n"),
])
def test_command_lines_that_end_at_once(args, status, first):
    done = run(*args)
    assert done.returncode == status
    assert done.stderr.decode() == first + usage(BINARY)
    assert done.stdout == b""


def test_devices_that_are_no_number_abort():
    done = run("--devices", "x")
    assert done.returncode == -signal.SIGABRT
    assert done.stderr == b"terminate called after throwing an instance of 'std::invalid_argument'\n  what():  stoi\n"


@pytest.mark.parametrize("devices", ["0", "0,", "0,1", ""])
def test_devices_may_be_written_in_several_ways(start, package, tokenizer_url, devices):
    runtime = start("runtime", ["--devices", devices, *tokenizer_url, *package.flags], cwd=package.folder,
                    scenario={"cards": 2, "timing": FAST})
    runtime.wait_port()
    assert (b"AXCLWorker start with devid 1" in runtime.out) == (devices == "0,1")


def test_the_programs_answer_to_the_names_of_the_originals(folder, start, package):
    for name in ("main_api_ax650", "main_api_axcl_aarch64", "qwen3_tokenizer_uid"):
        os.symlink(BINARY, os.path.join(folder, name))
    tokenizer = start("tokenizer", ["--host", "127.0.0.1"], argv0=os.path.join(folder, "qwen3_tokenizer_uid"))
    tokenizer.wait_port()
    url = ["--url_tokenizer_model", f"http://127.0.0.1:{tokenizer.port}"]
    card = start("runtime", ["--devices", "0", *url, *package.flags], cwd=package.folder, scenario={"timing": FAST},
                 argv0=os.path.join(folder, "main_api_axcl_aarch64"))
    chip = start("runtime", [*url, *package.flags], cwd=package.folder, scenario={"timing": FAST},
                 argv0=os.path.join(folder, "main_api_ax650"))
    card.wait_port()
    chip.wait_port()
    assert b"AXCLWorker" in card.out and b"AXCLWorker" not in chip.out
