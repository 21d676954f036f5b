"""What a person at a terminal sees: bars and colours there and nowhere else, completion, the manual page, JSON everywhere."""

import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import time

import pytest

from admin_cli import corral, done
from harness import BIN, ROOT, Box


IUTF8 = 0x4000  # which Python's termios does not name


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with Box(tmp_path_factory.mktemp("line"), {"timing": {"load_ms": 2500}}) as shared:
        yield shared


def environment(box, **more):
    return {**os.environ, "XDG_STATE_HOME": str(box.folder / "state-home"), "CORRAL_CONFIG": str(box.config_file), "TERM": "xterm", **more}


def at_terminal(box, *words, timeout=60, columns=0, **more):
    """Everything that `corral WORDS` writes to a terminal, and its exit status."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    process = subprocess.Popen([BIN / "corral", *words], stdin=theirs, stdout=theirs, stderr=theirs, env=environment(box, **more))
    os.close(theirs)
    text = b""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        ready, _, _ = select.select([ours], [], [], 0.2)
        if not ready:
            if process.poll() is not None:
                break
            continue
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        text += part
    os.close(ours)
    return text.decode(), process.wait(10)


def test_a_load_is_a_bar_on_a_terminal_and_words_elsewhere(box):
    shown, status = at_terminal(box, "restart", "sim/runtime", "--wait")
    assert status == 0 and "sim:latest: ready" in shown, shown
    assert re.search(r"sim:latest.*\[#+-+\]  \d+ %", shown), shown
    done(box, "restart", "sim/runtime")
    lines = done(box, "status", "--watch").splitlines()
    assert lines[-1] == "sim:latest  ready" and len(lines) > 1 and lines[0].startswith("sim:latest  loading"), lines
    assert not any("\x1b" in line or "#" in line for line in lines)
    watched, status = at_terminal(box, "status", "--watch")
    assert status == 0 and "\x1b[32mready" in watched


def test_colours_are_for_terminals_that_want_them(box):
    assert "\x1b[" in at_terminal(box, "status")[0]
    for more in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in at_terminal(box, "status", **more)[0]
    assert "\x1b" not in done(box, "status")


def test_a_configuration_that_the_environment_names_must_be_there(tmp_path):
    for command in ("check", "serve", "unit"):
        run = subprocess.run([BIN / "corral", command], capture_output=True, text=True, timeout=60,
                             env={"PATH": "/usr/bin:/bin", "CORRAL_CONFIG": str(tmp_path / "nope.toml")})
        assert run.returncode == 2 and "nope.toml" in run.stderr and "check its name" in run.stderr, run


def test_the_file_of_keys_is_that_of_the_usual_configuration(tmp_path):
    def key(*words):
        run = [BIN / "corral", "key", *words]
        return subprocess.run(run, capture_output=True, text=True, timeout=60,
                              env={"PATH": "/usr/bin:/bin", "CORRAL_CONFIG": str(tmp_path / "corral.toml")})

    missing = key("list")
    assert missing.returncode == 1 and f"'{tmp_path / 'corral.toml'}' is not there" in missing.stderr
    (tmp_path / "corral.toml").write_text("[access]\n")
    unnamed = key("list")
    assert unnamed.returncode == 1 and "has no 'keys' in [access]; add keys = \"keys\" under" in unnamed.stderr
    (tmp_path / "corral.toml").write_text('[access]\nkeys = "keys"\n')
    assert key("new", "anna").returncode == 0
    assert key("list").stdout == "anna  inference\n"
    assert (tmp_path / "keys").exists()


def test_a_key_file_that_is_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    run = subprocess.run([BIN / "corral", "run", "--url", "http://127.0.0.1:9", "--key-file", tmp_path / "pipe", "sim", "hi"],
                         capture_output=True, text=True, timeout=60)
    assert run.returncode == 1 and "can't be read: does it exist, and is it a regular file?" in run.stderr, run.stderr


def test_everything_is_said_as_json_too(box):
    for words in (["status"], ["start"], ["reload"], ["list"], ["show", "sim"], ["version"]):
        run = subprocess.run([BIN / "corral", *words, "--json"], capture_output=True, text=True, timeout=60, env=environment(box))
        assert run.returncode == 0 and isinstance(json.loads(run.stdout), dict), (words, run)
    checked = subprocess.run([BIN / "corral", "check", box.config_file, "--json"], capture_output=True, text=True, timeout=60)
    assert json.loads(checked.stdout)["models"] == ["sim:latest"]
    keys = str(box.folder / "keys")
    assert re.fullmatch(r"\S{20,}", json.loads(done(box, "key", "new", "anna", "--json", "--file", keys, socket=False))["key"])
    assert json.loads(done(box, "key", "list", "--json", "--file", keys, socket=False))["names"] == ["anna"]
    refused = corral(box, "stop", "nobody", "--json")
    assert refused.returncode == 1 and json.loads(refused.stdout)["ok"] is False


def test_bash_completes_commands_options_models_and_services(box):
    def complete(line):
        script = f"""eval "$(corral completion bash)"
COMP_LINE={json.dumps(line)} COMP_POINT={len(line)}
_corral; printf '%s\\n' "${{COMPREPLY[@]}}" """
        path = f"{BIN}:{os.environ['PATH']}"
        run = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, env=environment(box, PATH=path))
        assert run.returncode == 0 and not run.stderr, run
        return run.stdout.split()

    assert {"start", "status", "stop"} <= set(complete("corral st")) and "preflight" not in complete("corral ")
    assert "--follow" in complete("corral logs --")
    assert complete("corral stop s") == ["sim:latest"]
    # What is before a ':' is another word for readline.
    assert complete("corral logs sim:latest/r") == ["latest/runtime"]
    assert complete("corral completion f") == ["fish"]
    assert complete("corral serve --config /") == []


def test_names_are_completed_without_a_daemon(tmp_path):
    box = Box(tmp_path)
    found = subprocess.run([BIN / "corral", "complete", "--", "logs", "sim"], capture_output=True, text=True, timeout=30,
                           env=environment(box))
    assert found.stdout.splitlines() == ["sim:latest", "sim:latest/runtime", "sim:latest/tokenizer"]


def test_the_manual_page_has_every_command_and_renders(box):
    page = subprocess.run([BIN / "corral", "man"], capture_output=True, text=True, timeout=30, check=True).stdout
    helped = subprocess.run([BIN / "corral", "--help"], capture_output=True, text=True, timeout=30, check=True).stdout
    commands = re.findall(r"^  ([a-z]+) ", helped, re.M)
    assert len(commands) > 10
    for command in commands:
        assert f"corral {command}" in page, command
    if shutil.which("groff"):
        run = subprocess.run(["groff", "-ww", "-man", "-Tutf8"], input=page, capture_output=True, text=True, timeout=60)
        assert run.returncode == 0 and run.stderr == "", run.stderr
        assert "EXAMPLES" in re.sub(r".\x08", "", run.stdout)


def words(*given):
    ours = {**os.environ, "HOME": "/nonexistent"}
    return subprocess.run([BIN / "corral", *given], capture_output=True, text=True, timeout=30, env=ours)


def test_the_manual_page_of_the_configuration_has_every_key_and_renders(tmp_path):
    pages = [(ROOT / "docs" / f"{name}.md").read_text() for name in ("configuration", "access", "manifests", "profiles")]
    source, page = tmp_path / "configuration.md", tmp_path / "corral.toml.5"
    source.write_text("".join(pages))
    page.write_text(subprocess.run([BIN / "corral", "man", "--configuration", source], capture_output=True, text=True, check=True).stdout)
    keys = re.findall(r"^(?:\||-) `([a-z_]+)`", source.read_text(), re.M)
    assert len(keys) > 100 and all(f"\\fB{key}\\fR" in page.read_text() for key in keys)
    if groff := shutil.which("groff"):
        rendered = subprocess.run([groff, "-k", "-man", "-Tutf8", "-ww", page], capture_output=True, text=True)
        assert rendered.returncode == 0 and rendered.stderr == "" and "THE SERVER" in re.sub(r".\x08|\x1b\[\d+m", "", rendered.stdout)


def test_a_message_is_explained_by_its_id_and_by_its_words():
    def explain(*words):
        return subprocess.run([BIN / "corral", "explain", *words], capture_output=True, text=True)

    by_id, by_words = explain("service.port-taken"), explain("sim/runtime: port 8000 is already taken by python3 (pid 4711)")
    assert by_id.returncode == by_words.returncode == 0 and by_id.stdout == by_words.stdout and "What to do: Stop that program" in by_id.stdout
    assert "What to do" in explain("file.lfs-pointer").stdout and "What to do" in explain("listen.taken").stdout
    assert "device.lost" in explain("card is lost").stdout and "card" in explain("card").stdout
    nothing = explain("no", "xylophone", "words")
    assert nothing.returncode == 1 and "'corral explain' lists all" in nothing.stderr
    by_json, near = (json.loads(explain("--json", *asked).stdout) for asked in (["service.port-taken"], ["card is lost"]))
    assert by_json["exact"] and [one["id"] for one in by_json["messages"]] == ["service.port-taken"] and by_json["messages"][0]["fix"]
    assert by_json["messages"][0]["text"][0] == "port … is already taken by …" and by_json["messages"][0]["means"], by_json
    assert not near["exact"] and "device.lost" in [one["id"] for one in near["messages"]], near
    assert len(json.loads(explain("--json").stdout)["messages"]) > 240 and json.loads(explain("xylophone", "--json").stdout)["ok"] is False
    listing = explain().stdout
    assert all(one in listing for one in ("request.queue-full", "listen.taken", "file.lfs-pointer"))


def test_words_that_are_not_understood_end_with_2_and_say_which_were_meant():
    for given, said in ((["bogus"], "there is no command 'bogus'"), (["statsu"], "did you mean 'status'?"),
                        (["serv"], "did you mean 'serve'?"), (["unload", "m"], "did you mean 'stop'?"),
                        (["install", "m"], "did you mean 'import'?"), (["help", "lgos"], "did you mean 'logs'?"),
                        (["status", "--no-such"], "'corral help status'"), (["key"], "'corral help key'"), (["logs", "-n"], "--lines"),
                        (["key", "nwe"], "'corral key' has no command 'nwe'."), (["key", "new"], "'corral help key new'"),
                        (["status", "--url", "box:11434"], "must look like http://HOST:PORT"),
                        (["stop", "--url", ""], "'corral help stop'"), (["run", "m", "--url", "ftp://box"], "must look like"),
                        (["connect", "--url", "box"], "must look like"),
                        (["--no-such"], "'corral' has no option '--no-such'.")):
        run = words(*given)
        assert run.returncode == 2 and run.stdout == "" and said in run.stderr, (given, run)
        assert run.stderr.startswith("error: ") and run.stderr.count("\n") == 1, run.stderr


@pytest.mark.parametrize("given", [("key", "new", "anna", "--file", "keys"), ("help",), ("version", "--json")])
def test_output_that_a_full_disk_does_not_take_is_a_failure(tmp_path, given):
    with open("/dev/full", "w") as full:
        run = subprocess.run([BIN / "corral", *given], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, cwd=tmp_path)
    assert run.returncode == 1 and "error: can't write everything" in run.stderr, run


def test_the_version_and_the_help_by_the_names_people_try():
    version = words("version").stdout
    assert re.fullmatch(r"corral \d+\.\d+\.\d+\n", version)
    assert words("--version").stdout == words("-v").stdout == version
    whole = words("--help").stdout
    assert whole == words("help").stdout == words().stdout and words().returncode == 0
    for group in ("Serve:", "Models:", "Inspect:", "Operate:"):
        assert group in whole, whole
    assert words("help", "logs").stdout == words("logs", "--help").stdout and "Example: corral logs" in words("help", "logs").stdout


def test_help_fits_eighty_columns():
    commands = re.findall(r"^  ([a-z]+) ", words("--help").stdout, re.M)
    assert len(commands) > 15
    for command in [[], *([one] for one in commands)]:
        wide = [line for line in words("help", *command).stdout.splitlines() if len(line) > 80]
        assert not wide, (command, wide)
        assert not re.search(r"\b(UINT|INT|FLOAT)\b", words("help", *command).stdout), command


def test_help_explains_a_command_of_a_command_too():
    assert "--scope" in words("help", "key", "new").stdout
    wrong = words("help", "key", "make")
    assert wrong.returncode == 2 and "'corral key' has no command 'make'" in wrong.stderr


def test_check_takes_the_file_as_others_do(box):
    assert ": good;" in done(box, "check")


def test_a_stop_of_all_models_asks_on_a_terminal(box):
    main, end = os.openpty()
    try:
        os.write(main, b"n\n")
        run = subprocess.run([BIN / "corral", "stop", "--config", box.config_file], stdin=end, capture_output=True, text=True, timeout=60,
                             env=environment(box))
    finally:
        os.close(main), os.close(end)
    assert run.returncode == 1 and "Stop all models? [y/N]" in run.stderr, run
    assert [one["name"] for one in json.loads(done(box, "ps", "--json"))["models"]] == ["sim:latest"]


def test_an_empty_name_does_not_mean_all_models(box):
    for command in (["stop"], ["stop", "--yes"], ["restart"], ["start"]):
        empty = corral(box, command[0], "", *command[1:])
        assert empty.returncode == 2 and "the name is empty" in empty.stderr, empty
    assert [one["name"] for one in json.loads(done(box, "ps", "--json"))["models"]] == ["sim:latest"]


def test_ps_lists_what_is_loaded(box):
    listed = done(box, "ps").splitlines()
    assert len(listed) == 2 and listed[1].startswith("sim:latest"), listed
    assert [one["name"] for one in json.loads(done(box, "ps", "--json"))["models"]] == ["sim:latest"]
    done(box, "stop", "sim")
    assert json.loads(done(box, "ps", "--json"))["models"] == []
    done(box, "start", "sim", "--wait")


def test_ps_tells_queue_and_until_when(box):
    (one,) = box.get("/api/ps").json["models"]
    like_ollama = rf"sim:latest    {one['digest'][:12]}    [0-9.]+ MB    100% GPU     {one['context_length']}       "
    assert re.search(like_ollama + r"Forever    ready    -        axera-poll", done(box, "ps")), done(box, "ps")
    box.post("/api/generate", {"model": "sim", "keep_alive": 3000})
    assert re.search(like_ollama + r"(49|50) minutes from now    ready ", done(box, "ps")), done(box, "ps")
    box.post("/api/generate", {"model": "sim", "keep_alive": -1})
    (told,) = json.loads(done(box, "ps", "--json"))["models"]
    assert {key: told[key] for key in ("digest", "size_vram", "context_length")} == {key: one[key] for key in ("digest", "size_vram", "context_length")}
    assert told["processor"] == "100% GPU" and told["size_bytes"] == one["size"] and told["expires_at"] > "2100", told
    assert done(box, "ps", "si").count("\n") == 2 and done(box, "ps", "other").count("\n") == 1


def test_show_begins_as_ollamas_does_and_has_its_options(box):
    told = box.post("/api/show", {"model": "sim"}).json
    page = done(box, "show", "sim")
    assert page.startswith("  Model\n    architecture      "), page
    assert "\n\n  Capabilities\n    completion\n" in page and "\n\n  Parameters\n    stop    " in page, page
    assert page.index("\n\n  Corral\n") > page.index("  Parameters") and "  Metadata" in done(box, "show", "sim", "-v")
    facts, info = json.loads(done(box, "show", "sim", "--json")), told["model_info"]
    assert facts["architecture"] == info["general.architecture"] and "stop    " in page and facts["stop"], facts
    assert facts["embedding_length"] == info.get(f"{facts['architecture']}.embedding_length"), facts
    for part in ("license", "modelfile", "parameters", "system", "template"):
        text = done(box, "show", "sim", f"--{part}")
        assert text == told.get(part, "") + ("" if part in ("system", "template") else "\n"), part
    both = corral(box, "show", "sim", "--system", "--license")
    assert both.returncode == 2 and "only one of" in both.stderr, both
    box.post("/api/create", {"model": "mine", "from": "sim", "system": "You are Anna."})
    assert "\n  System\n    You are Anna.\n" in done(box, "show", "mine")
    box.request("DELETE", "/api/delete", {"model": "mine"})
    done(box, "stop", "sim")
    assert done(box, "show", "sim").startswith("  Model\n    architecture ")
    done(box, "start", "sim", "--wait")


def test_top_prints_once_without_a_terminal_and_lives_on_one(tmp_path):
    with Box(tmp_path, {"directives": True}) as box:
        stream = box.stream("[[never_end]] a secret")
        next(iter(stream))
        told = done(box, "top")
        assert re.search(r"sim:latest\s+ready.*\s1\s", told) and " runs " in told and "secret" not in told, told
        main, end = pty.openpty()
        process = subprocess.Popen([BIN / "corral", "top", "--config", box.config_file], stdin=end, stdout=end, stderr=end, env=environment(box))
        os.close(end)
        read_until(main, lambda text: text.count(b"\x1b[H") >= 3 and b"sim:latest" in text)
        stream.close()
        os.write(main, b"q")
        shown = read_until(main, lambda text: b"\x1b[?1049l" in text)
        assert process.wait(10) == 0 and b"\x1b[?25h" in shown
        os.close(main)


def test_the_daemon_of_another_configuration_is_not_asked(box, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text(box.config_file.read_text())
    for command in (["status"], ["logs"], ["restart"], ["ps"], ["top"], ["show", "sim", "--modelfile"]):
        run = subprocess.run([BIN / "corral", *command, "--config", other], capture_output=True, text=True, timeout=30, env=environment(box))
        assert run.returncode == 1 and run.stderr.startswith("error: "), run
        assert "another configuration" in run.stderr or "not running" in run.stderr, run.stderr
    assert "ready" in done(box, "status")


def test_run_asks_one_question_or_chats(tmp_path):
    with Box(tmp_path, {"directives": True}) as box:
        url = ["--url", f"http://127.0.0.1:{box.port}"]
        one = done(box, "run", "sim", "Hello [[text=Hello to you.]]", "--verbose", *url)
        assert one == "Hello to you.\n"
        # Its address is another than the file's, which only the one that runs can tell.
        assert done(box, "run", "sim", "Hello [[text=Found.]]") == "Found.\n"
        assert done(box, "run", "sim", "[[text=In brackets.]]") == "In brackets.\n", "no list of words"
        assert done(box, "run", "sim", "many", "words [[text=Words.]]") == "Words.\n"
        wrong = corral(box, "run", "sim", "hi", "--verbos")
        assert wrong.returncode != 0 and "--verbos" in wrong.stderr and not wrong.stdout, wrong
        piped = subprocess.run([BIN / "corral", "run", "sim", *url], input="Hi [[text=By pipe.]]", capture_output=True, text=True, timeout=60)
        assert piped.stdout == "By pipe.\n" and piped.returncode == 0, piped
        unknown = corral(box, "run", "nobody", "hi", *url)
        assert unknown.returncode == 1 and "there is no model 'nobody'; choose one of these: sim:latest" in unknown.stderr and not unknown.stdout
        silent = words("run", "sim", "hi", "--url", "http://127.0.0.1:1")
        assert silent.returncode == 1 and silent.stderr.startswith("error: http://127.0.0.1:1 refused the connection"), silent
        shown, status = at_terminal(box, "run", "sim", "--url", "http://127.0.0.1:1")
        assert status == 1 and "http://127.0.0.1:1 refused" in shown and ">>>" not in shown, shown
        ours, theirs = pty.openpty()
        chat = subprocess.Popen([BIN / "corral", "run", "sim", *url], stdin=theirs, stdout=theirs, stderr=theirs, env=environment(box))
        os.close(theirs)
        seen = all_shown = b""

        def until(text):
            nonlocal seen, all_shown
            end = time.monotonic() + 30
            while text not in seen:
                assert time.monotonic() < end, seen
                if select.select([ours], [], [], 0.2)[0]:
                    part = os.read(ours, 65536)
                    seen, all_shown = seen + part, all_shown + part
            seen = seen.split(text, 1)[1]

        until(b">>> ")
        os.write(ours, b"First [[text=One.]]\n")
        until(b"\nOne.\r\n")
        until(b">>> ")
        os.write(ours, b"Go on [[n=5000]]\n")
        until(b" three")
        chat.send_signal(signal.SIGINT)  # stops the answer, not the chat
        until(b">>> ")
        os.write(ours, b"Again [[text=Two.]]\n")
        until(b"\nTwo.\r\n")
        until(b">>> ")
        os.write(ours, b"\x1b[A\r")  # the arrow key brings the question back
        until(b"\nTwo.\r\n")
        until(b">>> ")
        os.write(ours, b"half a line\x03")
        until(b"Ctrl-D or /bye ends.")
        until(b">>> ")
        os.write(ours, b"\x04")
        assert chat.wait(10) == 0
        os.close(ours)
        assert "First" in json.dumps(box.runs()[-1]), "the conversation is kept"
        assert b"\x1b[J>>> " in all_shown and b"\\u00" not in all_shown, "what steers the terminal is not shown"


@pytest.mark.parametrize("words, status", [(("show", "nothing"), 1), (("start", "nothing"), 1), (("doctor", "nothing"), 3),
                                           (("stop", "nothing"), 1), (("logs", "nothing"), 1), (("bogus",), 2), (("status", "--bogus"), 2),
                                           (("key", "remove", "nobody", "--file", "/nowhere/keys"), 1)])
def test_a_failure_is_an_object_where_json_is_wanted(box, words, status):
    run = corral(box, *words, "--json", socket=words[0] not in ("bogus", "key"))
    told = json.loads(run.stdout)
    assert run.returncode == status == told["status"] and told["ok"] is False and told["error"], run
    assert run.stderr == "", run.stderr
    if words[-1] == "nothing" and words[0] != "logs":
        assert told["error"].startswith("there is no model 'nothing'; "), told


def test_errors_are_red_and_broken_between_words_on_a_terminal(box):
    shown, status = at_terminal(box, "show", "nothing-of-the-kind-that-anybody-would-know")
    assert status == 1 and shown.startswith("\x1b[31merror:\x1b[0m there is no model"), shown
    plain, _ = at_terminal(box, "show", "nothing", NO_COLOR="1")
    assert "\x1b" not in plain and plain.startswith("error: ")


@pytest.mark.parametrize("columns", [40, 80])
@pytest.mark.parametrize("words", [["status"], ["ps"], ["list"], ["show", "sim"], ["doctor"], ["check"], ["--help"],
                                   ["status", "--help"], ["start", "nobody"], ["logs", "corral"]], ids=" ".join)
def test_lines_are_broken_between_words_at_any_width(box, words, columns):
    shown, _ = at_terminal(box, *words, columns=columns)
    for line in re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", shown).split("\r\n"):
        # A word that is wider than the terminal stays whole, on a line of its own.
        assert len(line) <= columns or len(line.split()) == 1, line


def read_until(terminal, done, timeout=30):
    """What a terminal shows, once `done` of it."""
    text, end = b"", time.monotonic() + timeout
    while not done(text):
        assert time.monotonic() < end, text
        if select.select([terminal], [], [], 0.2)[0]:
            text += os.read(terminal, 4096)
    return text


def test_the_terminal_erases_whole_letters_during_a_chat(tmp_path):
    ours, theirs = pty.openpty()
    mode = termios.tcgetattr(theirs)
    mode[0] &= ~IUTF8
    termios.tcsetattr(theirs, termios.TCSANOW, mode)
    with Box(tmp_path, {"directives": True}) as box:
        chat = subprocess.Popen([BIN / "corral", "run", "sim", "--url", f"http://127.0.0.1:{box.port}"], stdin=theirs, stdout=theirs,
                                stderr=theirs, env=environment(box))
        try:
            read_until(ours, lambda text: b">>> " in text)
            assert termios.tcgetattr(theirs)[0] & IUTF8
            # Two bytes, one letter: what is erased leaves nothing of it in the question.
            os.write(ours, "[[text=x\u00e4\x7fy]]\n".encode())
            read_until(ours, lambda text: b"\nxy" in text.replace(b"\r", b""))
            os.write(ours, b"/bye\n")
            assert chat.wait(20) == 0
            assert not termios.tcgetattr(theirs)[0] & IUTF8
        finally:
            chat.kill()
            chat.wait()
            os.close(theirs)
            os.close(ours)
