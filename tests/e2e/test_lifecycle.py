"""Starting, stopping, dying: nothing is left running after corral ends, for any reason."""

import json
import os
import re
import signal
import socket
import subprocess

import pytest

from harness import BIN, ROOT, Box, descendants, processes, service_manager, wait_until


def alive(pids):
    table = processes()
    return {p for p in pids if p in table and table[p][1] != "Z"}


def services_of(box):
    return {box.pid_of("runtime"), box.pid_of("tokenizer")}


def test_sigterm_stops_everything_in_order_and_exits_0(tmp_path):
    box = Box(tmp_path).start()
    family = descendants(box.process.pid)
    assert len(family) >= 3
    assert box.stop() == 0
    wait_until(lambda: not alive(family), 5, "no process left")


def test_sigterm_lets_the_running_answer_end(tmp_path):
    box = Box(tmp_path, {"directives": True, "timing": {"tokens_per_second": 60}}).start()
    stream = box.stream("[[n=60]]")
    lines = iter(stream)
    got = [next(lines)]
    box.process.send_signal(signal.SIGTERM)
    got += list(lines)
    assert got[-1].get("done") is True, got[-1]
    assert box.process.wait(30) == 0


def test_sigterm_gives_waiting_requests_a_clear_error(tmp_path):
    box = Box(tmp_path, {"directives": True, "timing": {"tokens_per_second": 60}}).start()
    stream = box.stream("[[n=60]]")
    next(iter(stream))
    waiting = box.stream_later("waits")
    wait_until(lambda: box.get("/readyz").json["queue"]["waiting"] == 1, what="one waits")
    box.process.send_signal(signal.SIGTERM)
    answer = waiting.open()
    assert answer.status == 503
    assert "shutting down" in next(iter(answer))["error"]
    assert box.process.wait(30) == 0


def test_an_answer_longer_than_the_grace_ends_with_an_error_line(tmp_path):
    box = Box(tmp_path, {"directives": True, "timing": {"tokens_per_second": 60}}, config='shutdown_grace = "1s"').start()
    lines = iter(box.stream("[[never_end]]"))
    next(lines)
    box.process.send_signal(signal.SIGTERM)
    last = list(lines)[-1]
    assert "shutting down" in last.get("error", ""), last
    assert box.process.wait(30) == 0


def test_sigterm_while_loading_ends_at_once(tmp_path):
    box = Box(tmp_path, {"timing": {"load_ms": 60000}}).start(wait_ready=False)
    wait_until(lambda: box.pid_of("runtime"), what="runtime loads")
    family = descendants(box.process.pid)
    assert box.stop(timeout=15) == 0
    wait_until(lambda: not alive(family), 5, "no process left")


@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "sh -c"])
def test_kill_9_of_corral_takes_all_descendants_along_and_it_serves_again_at_once(tmp_path, wrapped):
    runtime = None
    if wrapped:
        command = " ".join(["exec_me=1;", str(BIN / "corral-sim"), "runtime", *Box.runtime_flags(), "& wait"])
        runtime = ["sh", "-c", command]
    box = Box(tmp_path, {"directives": True}, runtime=runtime).start()
    family = descendants(box.process.pid)
    assert services_of(box) <= family
    box.process.kill()
    box.process.wait()
    box.start()
    assert not alive(family) & services_of(box)
    wait_until(lambda: not alive(family), 5, f"descendants of the killed corral are gone {family}")
    assert box.say("[[text=again]]") == "again"
    box.__exit__()


def test_kill_9_during_an_answer(tmp_path):
    box = Box(tmp_path, {"directives": True}).start()
    stream = box.stream("[[never_end]]")
    next(iter(stream))
    family = descendants(box.process.pid)
    box.process.kill()
    box.process.wait()
    wait_until(lambda: not alive(family), 5, "all gone")


def test_a_service_that_leaves_its_group_and_session_dies_too(tmp_path):
    command = " ".join(["setsid", "sleep", "1000", "&", "exec", str(BIN / "corral-sim"), "runtime", *Box.runtime_flags()])
    box = Box(tmp_path, runtime=["sh", "-c", command]).start()
    family = descendants(box.process.pid)
    assert any("sleep 1000" in command for pid, (_, _, command) in processes().items() if pid in family)
    box.process.kill()
    box.process.wait()
    wait_until(lambda: not alive(family), 5, "the session leader too")


def spoilt_signals():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD})


def test_signals_spoilt_by_the_parent_do_no_harm(tmp_path):
    """Ignored and blocked signals are inherited through exec (docs/facts/platform_traps.md#inherited-signals)."""
    box = Box(tmp_path, {"directives": True}).start(before_exec=spoilt_signals)
    killed = box.kill("runtime")
    wait_until(lambda: box.pid_of("runtime") not in (None, killed), what="a new runtime")
    box.wait_ready()
    assert box.logged("killed by SIGKILL") and "exit status unknown" not in box.log()
    # As under nohup; and as of a rotation of logs.
    for number in (signal.SIGHUP, signal.SIGUSR1):
        box.process.send_signal(number)
        assert box.say("[[text=still here]]") == "still here"
    assert box.stop() == 0


def test_a_taken_listen_port_is_one_plain_sentence(tmp_path):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        box = Box(tmp_path, listen=f"127.0.0.1:{port}")
        run = subprocess.run([BIN / "corral", "serve", "--config", box.config_file, "--listen", box.listen],
                             capture_output=True, text=True, timeout=30)
        assert run.returncode == 1
        assert re.search(rf"127\.0\.0\.1:{port}.*taken by", run.stderr), run.stderr
        assert str(os.getpid()) in run.stderr


@pytest.mark.parametrize("shared, other", [("state_directory", "admin_socket"), ("admin_socket", "state_directory")])
def test_a_second_start_is_refused_before_it_listens(tmp_path, shared, other):
    with Box(tmp_path / "one", config=f'{shared} = "{tmp_path}/shared"\n{other} = "{tmp_path}/one/other"\n') as box:
        second = Box(tmp_path / "two", config=f'{shared} = "{tmp_path}/shared"\n{other} = "{tmp_path}/two/other"\n')
        run = subprocess.run(second.command(), capture_output=True, text=True, timeout=60)
        assert run.returncode == 1 and "another Corral" in run.stderr and f"'{shared}'" in run.stderr, run.stderr
        assert "listening on" not in run.stderr and not (tmp_path / "two/other").is_socket()
        box.say("hello")
        assert box.stop() == 0
        with second:
            second.say("hello")


def test_a_bad_configuration_names_file_line_and_the_nearest_key(tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text('listne = "127.0.0.1:0"\nmax_queue = "many"\n')
    run = subprocess.run([BIN / "corral", "check", bad], capture_output=True, text=True, timeout=30)
    assert run.returncode == 2
    assert re.search(r"bad\.toml:1:\d+: .*'?listne'?.*listen", run.stderr), run.stderr
    assert re.search(r"bad\.toml:2:\d+: .*max_queue", run.stderr), run.stderr


def test_check_and_version(tmp_path):
    box = Box(tmp_path)
    run = subprocess.run([BIN / "corral", "check", box.config_file], capture_output=True, text=True, timeout=30)
    assert run.returncode == 0, run.stderr
    version = subprocess.run([BIN / "corral", "version"], capture_output=True, text=True, timeout=30)
    assert re.fullmatch(r"corral \d+\.\d+\.\d+\n", version.stdout)


def test_check_examines_the_files_of_the_models(tmp_path):
    box = Box(tmp_path, runtime=["/nonexistent/main_api"])
    run = subprocess.run([BIN / "corral", "check", box.config_file], capture_output=True, text=True, timeout=30)
    assert run.returncode == 1 and "error: model sim:latest, service runtime: " in run.stderr, run.stderr
    assert "/nonexistent/main_api" in run.stderr
    assert "good, except for the files below; 1 model" in run.stdout
    run = subprocess.run([BIN / "corral", "check", "--json", box.config_file], capture_output=True, text=True, timeout=30)
    told = json.loads(run.stdout)
    assert run.returncode == 1 and not told["ok"] and told["files"][0]["id"] == "program.missing"
    run = subprocess.run([BIN / "corral", "check", "--no-files", box.config_file], capture_output=True, text=True, timeout=30)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("name", ["quickstart.toml", "ax650.toml", "llm8850.toml"])
def test_shipped_configurations_are_good(name):
    run = subprocess.run([BIN / "corral", "check", "--no-files", ROOT / "configs" / name], capture_output=True, text=True, timeout=30)
    assert run.returncode == 0, run.stderr


def test_a_lan_address_needs_a_word(tmp_path):
    box = Box(tmp_path, listen="0.0.0.0:0")
    run = subprocess.run([BIN / "corral", "serve", "--config", box.config_file, "--listen", box.listen],
                         capture_output=True, text=True, timeout=30)
    assert run.returncode == 2
    assert "allow_unauthenticated" in run.stderr


def test_systemd_is_told_of_readiness_and_fed(tmp_path):
    with service_manager() as (systemd, path):
        box = Box(tmp_path, {"timing": {"load_ms": 1500}})
        told = ""
        try:
            box.start(wait_ready=False, environment={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "400000"})
            wanted = ["READY=1", "WATCHDOG=1", "loading", "sim:latest ready"]
            while not all(word in told for word in wanted):
                told += systemd.recv(4096).decode() + "\n"
            assert told.index("READY=1") < told.index("sim:latest ready")
            assert box.stop() == 0
            systemd.settimeout(0.2)
            try:
                while True:
                    told += systemd.recv(4096).decode() + "\n"
            except TimeoutError:
                pass
            # Grace and ladders may be configured longer than the unit's stop time.
            assert re.search(r"STOPPING=1\nEXTEND_TIMEOUT_USEC=[1-9]\d{7,}", told), told
        finally:
            box.__exit__()
