"""Every way in which a start fails, with its text and its exit status (docs/facts/vendor_ax.md#start-failures)."""
import os
import signal
import socket
import time

import pytest

from simulated import FAST, control, lines_of, wait_for

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12345\n"
FAILED = "[E][                            main][ 531]: lLaMa.Init failed\n"


def layer(package, number):
    return package.path("model", f"sim_p128_l{number}_together.axmodel")


def post(package):
    return package.path("model", "sim_post.axmodel")


def embedding(package):
    return package.path("model", "model.embed_tokens.weight.bfloat16.bin")


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


@pytest.fixture
def tokenizer(start):
    program = start("tokenizer", scenario={})
    program.wait_port()
    return program


@pytest.fixture
def launch(start, package, tokenizer):
    def begin(scenario=None, extra=(), url=None, env=None):
        scenario = {"timing": FAST, **(scenario or {})}
        devices = [] if scenario.get("build") == "ax650" else ["--devices", "0"]
        flags = [*devices, "--url_tokenizer_model", url or f"http://127.0.0.1:{tokenizer.port}", *package.flags, *extra]
        return start("runtime", flags, cwd=package.folder, scenario=scenario, env=env)

    return begin


def test_files_that_end_the_start_with_255(launch, package):
    for path, damage, lines in (
            (embedding(package), None, ["Init][  57]: embed file(%s) open failed", "Init][ 156]: embed_selector.Init("]),
            (embedding(package), LFS, ["Init][  67]: embed file(%s) size(", "not equal token_num(151936) * embed_size(8) * 2"]),
            (post(package), None, ["init][ 365]: read_file", "Init][ 210]: init post axmodel(%s) failed"]),
            (post(package), LFS, ["init][ 421]: AX_ENGINE_CreateHandle", "Init][ 210]: init post axmodel(%s) failed"])):
        size = os.path.getsize(path)
        os.rename(path, path + ".kept")
        if damage:
            write(path, damage)
        runtime = launch()
        assert runtime.wait_exit() == 255
        out = lines_of(runtime.out)
        for line in lines:
            line = line % os.path.relpath(path, package.folder) if "%s" in line else line
            assert line in out, (line, out)
        assert FAILED in out
        os.replace(path + ".kept", path)
        assert os.path.getsize(path) == size
    mmap = launch(extra=["--use_mmap_load_embed", "1", "--tokens_embed_num", "7"])
    assert mmap.wait_exit() == 255
    assert "Init][  39]: embed file(" in lines_of(mmap.out)


@pytest.mark.parametrize("damage, line", [(None, "init][ 365]: read_file"), (LFS, "init][ 421]: AX_ENGINE_CreateHandle")])
def test_a_bad_layer_is_noticed_only_by_the_first_use(launch, package, damage, line):
    os.remove(layer(package, 2))
    if damage:
        write(layer(package, 2), damage)
    runtime = launch()
    port = runtime.wait_port()  # false readiness
    assert line in lines_of(runtime.out)
    assert runtime.out.endswith(b"Server running on port 8000...\n")
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(b"POST /api/reset HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
        assert runtime.wait_exit() == -signal.SIGABRT
    assert "terminate called after throwing an instance of 'std::runtime_error'\n" \
           "  what():  input tensor not found: K_cache\n" in runtime.err


def test_a_bad_first_layer_aborts_after_the_last_progress_line(launch, package):
    os.remove(layer(package, 0))
    runtime = launch()
    assert runtime.wait_exit() == -signal.SIGABRT
    assert "input tensor not found: mask" in runtime.err
    assert runtime.out.endswith(b"init post axmodel ok,remain_cmm(-1 MB)\x1b[0m")


def test_the_on_chip_build_refuses_a_bad_layer(launch, package):
    write(layer(package, 2), LFS)
    runtime = launch({"build": "ax650"})
    assert runtime.wait_exit() == 255
    assert f"init axmodel({os.path.relpath(layer(package, 2), package.folder)}) failed" in lines_of(runtime.out)


def test_sampling_settings_are_read_from_the_working_directory(launch, package):
    os.remove(package.path("post_config.json"))
    runtime = launch()
    runtime.wait_port()
    out = lines_of(runtime.out)
    assert "[E][                     load_config][ 278]: config file(post_config.json) open failed\n" in out
    assert "[W][                            Init][ 259]: load postprocess config(post_config.json) failed\n" in out
    write(package.path("post_config.json"), "{ broken")
    broken = launch()
    assert broken.wait_exit() == -signal.SIGABRT
    assert "detail::parse_error'\n  what():  [json.exception.parse_error.101]" in broken.err
    write(package.path("post_config.json"), '{"enable_temperature": true}')
    lacking = launch()
    assert lacking.wait_exit() == -signal.SIGABRT
    assert "[json.exception.type_error.302] type must be number, but is null" in lacking.err


def test_urls_that_the_original_cannot_use(launch, tokenizer):
    slash = launch(url=f"http://127.0.0.1:{tokenizer.port}/")
    assert slash.wait_exit() == -signal.SIGSEGV and slash.out == b""
    bare = launch(url="127.0.0.1")
    assert bare.wait_exit() == 255
    secure = launch(url=f"https://127.0.0.1:{tokenizer.port}")
    assert secure.wait_exit() == -signal.SIGABRT
    assert "  what():  'https' scheme is not supported.\n" in secure.err


def test_no_layers_at_all_is_a_crash(launch):
    runtime = launch(extra=["--axmodel_num", "0"])
    assert runtime.wait_exit() == -signal.SIGSEGV
    assert runtime.out.endswith(b"embed_selector init ok\x1b[0m")


def test_a_card_that_is_not_there(launch):
    absent = launch({"cards": 0})
    assert absent.wait_exit() == 255
    out = lines_of(absent.out)
    assert "run][  35]: Get AXCL device failed{0x       0}, find total 0 device.\n" in out
    assert "Init][ 176]: axcl_Init(0) failed\n" in out and FAILED in out
    other = launch(extra=["--devices", "7"])
    assert other.wait_exit() == 255
    assert "run][  41]: Invalid AXCL device id 7, find total 1 device.\n" in lines_of(other.out)


@pytest.mark.parametrize("name, args, status, text", [
    ("start_axcl_init", {"code": 5}, 5, None),
    ("start_loader", {}, 127, "error while loading shared libraries: libaxcl_rt.so: cannot open shared object file"),
    ("start_no_device", {}, 255, "find total 0 device."),
    ("start_set_device", {}, 255, "run][  50]: Set AXCL device failed{0x       1}."),
    ("start_handshake", {"ms": 10}, 255, "Run][ 373]: AXCLWorker initialization timeout"),
    ("start_layer_missing", {"layer": 0}, -signal.SIGABRT, "input tensor not found: mask"),
    ("start_layer_lfs", {"layer": 0}, -signal.SIGABRT, "AX_ENGINE_CreateHandle"),
    ("start_post_missing", {}, 255, "init post axmodel("),
    ("start_post_lfs", {}, 255, "AX_ENGINE_CreateHandle"),
    ("start_embed_missing", {}, 255, "open failed"),
    ("start_embed_size", {"size": 132}, 255, "size(132) not equal token_num(151936) * embed_size(8) * 2"),
    ("start_post_config", {"kind": "syntax"}, -signal.SIGABRT, "parse_error.101"),
    ("start_post_config", {"kind": "key"}, -signal.SIGABRT, "type_error.302"),
    ("start_port_taken", {}, 0, "Server running on port 8000..."),
    ("kill_at", {"phase": "start", "signal": "KILL"}, -signal.SIGKILL, None),
    ("kill_at", {"phase": "load", "after": 2, "signal": "ABRT"}, -signal.SIGABRT, None),
    ("kill_at", {"phase": "ready", "exit": 9}, 9, "Server running on port 8000..."),
])
def test_start_faults_end_as_the_table_says(launch, name, args, status, text):
    runtime = launch({"faults": {name: {"on": True, "args": args}}})
    assert runtime.wait_exit() == status
    if text is None:
        assert "lLaMa.Init failed" not in lines_of(runtime.out)
    else:
        assert text in lines_of(runtime.out) + runtime.err


def test_a_stalled_load_goes_on_when_the_fault_ends(launch):
    runtime = launch({"faults": {"start_stall": {"args": {"after": 2}}}})
    wait_for(lambda: lines_of(runtime.out).count("axmodel ok") == 2, "two layers")
    assert runtime.state()["phase"] == "loading"
    control(runtime.socket, {"cmd": "fault", "name": "start_stall", "on": False})
    runtime.wait_port()


def test_a_taken_port_is_not_an_error_to_the_original(launch):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        runtime = launch({}, env={"CORRAL_SIM_PORT": str(holder.getsockname()[1])})
        assert runtime.wait_exit() == 0
        assert b"Server running on port 8000...\n" in runtime.out
        assert lines_of(runtime.out).endswith("AXCLWorker exit with devid 0\n")


def test_tokenizers_that_are_absent_late_or_silent_and_one_that_falls_silent_later(start, launch, pair):
    served = pair({})  # its tokenizer will not answer an /encode: ten seconds, in which the rest is tried
    served.reset()
    served.tokenizer.fault("hang", "once", route="/encode")
    served.generate("x")
    silent_since = time.monotonic()
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    closed_url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    silent = socket.socket()
    silent.bind(("127.0.0.1", 0))
    silent.listen()
    late_port = socket.socket()
    late_port.bind(("127.0.0.1", 0))
    late_number = late_port.getsockname()[1]
    absent = launch(url=closed_url)
    mute = launch(url=f"http://127.0.0.1:{silent.getsockname()[1]}")
    late = launch(url=f"http://127.0.0.1:{late_number}")
    begin = time.monotonic()
    time.sleep(0.3)
    late_port.close()
    start("tokenizer", scenario={}, env={"CORRAL_SIM_PORT": str(late_number)})
    late.wait_port()
    assert time.monotonic() - begin < 8
    assert absent.wait_exit(25) == 255
    assert 9.5 < time.monotonic() - absent.started < 15
    out = lines_of(absent.out)
    for left in range(9, -1, -1):
        assert f"connect failed {closed_url}, try again in {left:2d}/10 \n" in out
    assert out.endswith(f"Init][  29]: connect {closed_url} failed\n"
                        f"[E][                            Init][ 136]: tokenizer.Init({closed_url}) failed\n{FAILED}")
    assert mute.wait_exit(25) == -signal.SIGSEGV
    assert served.runtime.wait_exit(25) == -signal.SIGSEGV
    assert 9.5 < time.monotonic() - silent_since < 25
    closed.close()
    silent.close()
