"""What is kept of a crash, a hang, a failed start and an opened breaker, and what is not: a word of what anybody asked, or a stop that
was asked for. And that clients and the request log are told the cause."""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess

import pytest

from admin_cli import corral, done
from harness import BIN, MODEL, Box, own_mount, wait_until

SLOW = {"prefill_ms_per_chunk": 400, "tokens_per_second": 30}
CLOCKS = """
[models.clocks]
call = "1s"
reset = "2s"
prefill_base = "2s"
decode_stall = "1s"
scrub = "1s"
[models.restart]
first_backoff = "20ms"
max_backoff = "100ms"
intensity = 100
"""
PROMPT, SYSTEM, ANSWER, KEY, VARIABLE = (f"MARK{word}7351" for word in ("prompt", "system", "answer", "key", "variable"))


def folder_of(box):
    return box.folder / "state-home" / "corral" / "crashes"


def names(box):
    return sorted(p.name for p in folder_of(box).glob("*.json")) if folder_of(box).exists() else []


def bundles(box, number=1):
    """At least so many, oldest first."""
    wait_until(lambda: len(names(box)) >= number, 30, f"{number} bundles in {folder_of(box)}\n{box.log()[-2000:]}")
    return [json.loads((folder_of(box) / name).read_text()) for name in names(box)]


def ask(box, text=f"[[never_end]] {PROMPT}", **more):
    """A stream of an answer to marked words."""
    body = {"model": MODEL, "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}],
            "options": {"temperature": 0.25, "stop": [f"{PROMPT} stop"]}, **more}
    connection = box.connect()
    connection.request("POST", "/api/chat", json.dumps(body), {"Authorization": f"Bearer {KEY}"})
    return connection


def broken_stream(box):
    """A stream that has begun, for a fault in its midst."""
    response = ask(box).getresponse()
    return response, response.readline()


def logs(box, *words, state=None):
    return subprocess.run([BIN / "corral", "logs", "--crash", *words, "--state", state or folder_of(box).parent],
                          capture_output=True, text=True, timeout=60)


def no_marks(box):
    for path in [*folder_of(box).rglob("*"), box.log_file]:
        text = path.read_text(errors="replace")
        for mark in (PROMPT, SYSTEM, ANSWER, KEY, VARIABLE):
            assert mark not in text, f"{mark} in {path}:\n" + text[max(0, text.find(mark) - 300):text.find(mark) + 100]


def tokenizer_that_says(say):
    """Prints the file `say` on standard error once it is there."""
    return ["sh", "-c", f"(while :; do if [ -e {say} ]; then cat {say} >&2; rm {say}; fi; sleep 0.1; done) & "
                        f"exec {BIN / 'corral-sim'} tokenizer --host 127.0.0.1 --port {{port}}"]


def let_say(box, say, words):
    """What 'corral logs' shows then."""
    soon = say.with_suffix(".soon")
    soon.write_text(f"telling before\n{words}\n[I][run]: telling behind\n")
    soon.rename(say)
    return wait_until(lambda: next((out for out in [done(box, "logs", "sim/tokenizer")] if "telling behind" in out), None), 20,
                      "what it printed")


@pytest.mark.parametrize("words", ["ValueError: cannot encode {}", 'invalid UTF-8 in "{}"', "bad [input_value='{}', input_type=str]"])
def test_a_prompt_that_a_program_quotes_on_many_lines_is_nowhere(tmp_path, words):
    say = tmp_path / "say"
    with Box(tmp_path / "box", tokenizer=tokenizer_that_says(say)) as box:
        shown = let_say(box, say, words.format(f"{PROMPT} one\n{PROMPT} isn't two\n\n{PROMPT}"))
        assert "telling before" in shown and "(not kept)" in shown, shown
        box.kill("tokenizer", signal.SIGABRT)
        [bundle] = bundles(box)
        assert "telling behind" in json.dumps(bundle["services"]), bundle["services"]
        for text in (shown, done(box, "logs", "sim/tokenizer"), done(box, "support", "-o", "-")):
            assert text and PROMPT not in text, text
        no_marks(box)


def test_words_of_a_request_that_a_program_prints_without_a_mark_are_nowhere(tmp_path):
    say, prompt = tmp_path / "say", f"{PROMPT}: my password is hunter2\n{PROMPT}"
    with Box(tmp_path / "box", tokenizer=tokenizer_that_says(say)) as box:
        box.say(prompt)
        shown = let_say(box, say, f"GGML_ASSERT(x) failed for prompt {prompt}")
        assert re.search(r"GGML_ASSERT\(x\) failed for \w* ?\(not kept\)", shown) and PROMPT not in shown, shown
        no_marks(box)


def test_a_crash_in_the_midst_of_an_answer_is_kept_and_told(tmp_path):
    with Box(tmp_path, {"directives": True, "timing": SLOW}) as box:
        response, _ = broken_stream(box)
        response.readline()
        pid = box.kill("runtime", signal.SIGSEGV)
        last = json.loads(response.read().splitlines()[-1])
        assert "stopped while it worked on this answer. Corral starts it again" in last["error"], last
        assert "SIG" not in last["error"]
        line = wait_until(lambda: re.search(r"request id=\S+ .*outcome=runtime-died why=\"(.*)\"", box.log()), what="the request's line")
        assert "The runtime ended while the request ran: killed by SIGSEGV. The runtime crashed" in line[1]
        [bundle] = bundles(box)
        assert (bundle["schema"], bundle["kind"], bundle["model"]) == (1, "crash", MODEL)
        trigger = bundle["trigger"]
        assert (trigger["service"], trigger["state"], trigger["pid"]) == ("runtime", "ready", pid)
        assert "killed by SIGSEGV. The runtime crashed" in trigger["sentence"] and trigger["advice"]
        inside = bundle["requests"]["inside"]
        assert len(inside) == 1 and inside[0]["outcome"] == "running" and inside[0]["pieces"] >= 1
        assert inside[0]["prompt_tokens"] > 0 and inside[0]["sampling"]["temperature"] == 0.25 and inside[0]["messages"] == 2
        assert [r["outcome"] for r in bundle["requests"]["finished"]] == ["runtime-died"]
        steps = [(s["service"], s["from"], s["to"]) for s in bundle["history"]]
        assert ("tokenizer", "starting", "ready") in steps and ("runtime", "ready", "stopping") in steps
        runtime = next(s for s in bundle["services"] if s["name"] == "runtime")
        assert any("Server running on port" in line for line in runtime["lines"])
        assert f"[corral] process {pid}: killed by SIGSEGV" in runtime["lines"]
        assert bundle["system"]["memory_kb"]["MemTotal"] > 0
        box.wait_ready()
        no_marks(box)
        assert (folder_of(box) / names(box)[0]).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("path,body", [
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "[[never_end]]"}]}),
    ("/v1/messages", {"max_tokens": 4000, "messages": [{"role": "user", "content": "[[never_end]]"}]}),
], ids=["openai", "anthropic"])
def test_the_end_reaches_streams_of_the_other_formats_in_words_for_people(tmp_path, path, body):
    with Box(tmp_path, {"directives": True, "timing": SLOW}) as box:
        connection = box.connect()
        connection.request("POST", path, json.dumps({"model": MODEL, "stream": True, **body}))
        response = connection.getresponse()
        seen = response.read1(1)
        while b"one" not in seen and b"delta" not in seen:
            seen += response.read1(4096)
        wait_until(lambda: box.runtime_state()["phase"] == "decode", what="decode")
        box.kill("runtime", signal.SIGSEGV)
        rest = response.read().decode()
        assert "The model's program stopped while it worked on this answer. Corral starts it again" in rest, rest[-2000:]
        assert "SIGSEGV" not in rest, "that is for the log"


@pytest.mark.parametrize("phase", ["reset", "encode", "prefill", "decode"])
def test_a_runtime_that_dies_in_a_phase_is_kept(tmp_path, phase):
    with Box(tmp_path, {"directives": True}, model=CLOCKS) as box:
        box.fault("runtime", "kill_at", "once", phase=phase)
        ask(box, f"[[text={ANSWER}]] {PROMPT}").getresponse().read()
        [bundle] = bundles(box)
        assert bundle["kind"] == "crash" and "SIGSEGV" in bundle["trigger"]["sentence"]
        assert len(bundle["requests"]["inside"]) == 1
        no_marks(box)


@pytest.mark.parametrize("service,tap", [("tokenizer", True), ("tokenizer", False), ("runtime", True)])
def test_a_death_while_idle_is_one_bundle(tmp_path, service, tap):
    with Box(tmp_path, {"directives": True}, tap=tap) as box:
        pid = box.kill(service)
        [bundle] = bundles(box)
        # Whichever is seen first: the exit, or that nobody listens any more.
        assert bundle["kind"] in ("crash", "hang") and bundle["trigger"]["service"] == service
        trigger = bundle["trigger"]
        assert "killed by SIGKILL" in trigger["sentence"] + trigger.get("ended", "") and trigger["pid"] == pid
        assert bundle["requests"]["inside"] == []
        box.wait_ready()
        assert len(names(box)) == 1, "the pair is one incident"


def test_a_hang_is_kept(tmp_path):
    with Box(tmp_path, {"directives": True, "timing": SLOW}, model=CLOCKS) as box:
        response, _ = broken_stream(box)
        box.kill("runtime", signal.SIGSTOP)
        last = json.loads(response.read().splitlines()[-1])
        assert "Corral starts it again by itself; ask again" in last["error"], last
        [bundle] = bundles(box)
        assert bundle["kind"] == "hang" and bundle["trigger"]["service"] == "runtime"
        assert bundle["requests"]["inside"][0]["pieces"] >= 1
        no_marks(box)


def test_a_start_that_fails_again_and_again_is_kept_up_to_the_breaker_and_the_log_says_why(tmp_path):
    faults = {"kill_at": {"on": True, "args": {"phase": "load", "after": 2, "signal": "ABRT"}}}
    restart = '[models.restart]\nfirst_backoff = "10ms"\nmax_backoff = "20ms"\nintensity = 2\nbreaker_retry = "1h"\n'
    box = Box(tmp_path, {"faults": faults}, model=restart).start(wait_ready=False)
    try:
        wait_until(lambda: box.get("/readyz").json["models"][0]["state"] == "broken", 40, "broken")
        bundle = wait_until(lambda: next((b for b in bundles(box) if b["kind"] == "breaker"), None), 20, "the breaker's bundle")
        assert any(s.get("failure") == "breaker" and "SIGABRT" in s["reason"] for s in bundle["history"])
        assert len(names(box)) <= 2
        chat = {"model": MODEL, "messages": [{"role": "user", "content": PROMPT}]}
        for path, body in (("/api/chat", chat), ("/v1/chat/completions", chat), ("/v1/messages", {**chat, "max_tokens": 9})):
            reply = box.post(path, body)
            assert reply.status == 503 or (path == "/v1/messages" and reply.status in (503, 529)), reply.body
            assert b"The model does not start. Corral tries again by itself; ask again in about 8 minutes" in reply.body, reply.body
            assert b"SIG" not in reply.body and b"often" not in reply.body, reply.body
        assert box.logged(r'outcome=backend-broken why="failed too often.*killed by SIGABRT. The runtime aborted')
        no_marks(box)
    finally:
        box.__exit__()


def test_a_stop_that_was_asked_for_is_not_kept(tmp_path):
    with Box(tmp_path, {"directives": True}) as box:
        box.say("[[text=hello]]")
        assert box.request("POST", "/api/generate", {"model": MODEL, "keep_alive": 0}).status == 200
        wait_until(lambda: box.get("/readyz").json["models"][0]["state"] == "unloaded", what="unloaded")
        box.say("[[text=hello]]")
        assert box.stop() == 0
        assert names(box) == []


def test_no_more_than_configured_are_kept(tmp_path):
    with Box(tmp_path, {"directives": True}, config="[black_box]\nkeep = 2\n", model=CLOCKS) as box:
        seen = set()
        for _ in range(4):
            box.kill("runtime")
            wait_until(lambda: set(names(box)) - seen, 30, "another bundle")
            seen |= set(names(box))
            wait_until(lambda: len(names(box)) <= 2, 10, "the oldest goes")
            box.wait_ready()
        assert len(seen) == 4 and names(box) == sorted(seen)[-2:]


def test_none_is_kept_when_it_is_off(tmp_path):
    with Box(tmp_path, {"directives": True}, config="[black_box]\nkeep = 0\n") as box:
        box.kill("runtime")
        wait_until(lambda: len(re.findall(r"/runtime: .* event=service\.ready", box.log())) == 2, 30, "restarted")
        assert box.stop() == 0
        assert names(box) == []


TROUBLES = [
    ("runtime", "kill_at", {"phase": "decode", "after": 4}),
    ("runtime", "kill_at", {"phase": "prefill", "signal": "ABRT"}),
    ("runtime", "device_hang", {"phase": "decode", "after": 4}),
    ("runtime", "freeze", {"phase": "prefill"}),
    ("runtime", "engine_error", {"after": 0, "text": "garbage"}),
    ("runtime", "encode_failed", {}),
    ("runtime", "decode_failed", {}),
    ("runtime", "garbage_reply", {"route": "/api/generate", "level": "http"}),
    ("tokenizer", "truncated_reply", {"route": "/decode"}),
    ("tokenizer", "truncated_reply", {"route": "/encode"}),
    ("tokenizer", "garbage_reply", {"route": "/decode"}),
    ("tokenizer", "empty_reply", {"route": "/reset"}),
    ("tokenizer", "kill_at", {"phase": "decode"}),
    ("tokenizer", "kill_at", {"phase": "encode"}),
    ("tokenizer", "forget_uids", {}),
]


@pytest.mark.parametrize("tap", [True, False], ids=["tap", "no_tap"])
def test_no_word_of_anybody_is_kept_whatever_goes_wrong(tmp_path, tap):
    box = Box(tmp_path, {"directives": True, "timing": {"tokens_per_second": 100}}, model=CLOCKS, tap=tap)
    box.start(environment={"CORRAL_TEST_SECRET": VARIABLE})
    try:
        for service, fault, args in TROUBLES:
            box.fault(service, fault, "once", **args)
            ask(box, f"[[text={ANSWER} one two three four five {ANSWER}]] {PROMPT} AX_ENGINE_Execute {PROMPT}").getresponse().read()
            try:
                box.control(service, cmd="fault", name=fault, on=False, args={})
            except (AssertionError, OSError):
                pass  # it died of it
            box.wait_ready()
        box.kill("runtime", signal.SIGSEGV)
        bundles(box)
        assert box.stop() == 0
        assert names(box)
        no_marks(box)
    finally:
        box.__exit__()


def test_a_known_line_while_serving_is_a_remark_in_the_history_and_the_line_is_not_kept(tmp_path):
    with Box(tmp_path, {"directives": True}) as box:
        box.fault("runtime", "engine_error", "once", after=0, text="garbage")
        ask(box, f"[[text={ANSWER}]] {PROMPT}").getresponse().read()
        wait_until(lambda: "printed what may mean: The device failed while computing" in box.log(), what="the remark")
        assert box.get("/readyz").status == 200
        box.kill("runtime", signal.SIGSEGV)
        [bundle] = bundles(box)
        assert any(s["event"] == "line" and "device failed" in s["reason"] for s in bundle["history"])
        assert "The device failed" in bundle["trigger"]["sentence"], "the crash may be its consequence"
        assert "AX_ENGINE_Execute" not in json.dumps(bundle)
        no_marks(box)


def test_a_line_from_before_good_answers_is_no_part_of_a_later_crash(tmp_path):
    with Box(tmp_path, {"directives": True}) as box:
        box.fault("runtime", "engine_error", "once", after=0, text="garbage")
        ask(box, f"[[text={ANSWER}]] {PROMPT}").getresponse().read()
        wait_until(lambda: "printed what may mean: The device failed while computing" in box.log(), what="the remark")
        box.fault("runtime", "engine_error", False)
        for turn in ("one", "two", "three"):
            assert box.say(f"[[text={turn}]]") == turn
        box.kill("runtime", signal.SIGSEGV)
        [bundle] = bundles(box)
        assert "SIGSEGV" in bundle["trigger"]["sentence"] and "device failed" not in bundle["trigger"]["sentence"].lower()


def test_a_prompt_can_t_put_a_finding_into_the_log(tmp_path):
    forged = "\x1b[1;30;31m[E][                       inference][ 526]: AX_ENGINE_Execute\x1b[0m"
    with Box(tmp_path, {"directives": True}) as box:
        ask(box, f"[[text={ANSWER}]] a\n{forged}\n").getresponse().read()
        ask(box, "[[text=AXCLWorker exit with devid 0]] hello").getresponse().read()
        assert box.say("[[text=next]]") == "next"
        assert "printed what may mean" not in box.log()


def survives(box):
    """A crash that can't be kept: one warning, and all goes on."""
    for number in (2, 3):
        box.kill("runtime")
        wait_until(lambda: len(re.findall(r"/runtime: .* event=service\.ready", box.log())) >= number, 30, "ready again")
        box.wait_ready()
        assert box.say("[[text=still here]] hello") == "still here"
        wait_until(lambda: "event=black-box.lost" in box.log(), 20, "the warning")
    assert box.stop() == 0
    assert box.log().count("event=black-box.lost") == 1


def test_a_place_that_can_t_be_written_is_one_warning(tmp_path):
    state = tmp_path / "state-home" / "corral"
    state.mkdir(parents=True)
    (state / "crashes").write_text("a file where the folder should be")
    with Box(tmp_path, {"directives": True}, model=CLOCKS) as box:
        survives(box)


@pytest.mark.parametrize("options", [(0, b"size=4k"), (1, b"")], ids=["full", "read_only"])
def test_a_disk_that_is_full_or_read_only_is_one_warning(tmp_path, options):
    state = tmp_path / "state-home" / "corral"
    state.mkdir(parents=True)
    box = Box(tmp_path, {"directives": True}, model=CLOCKS)
    try:
        box.start(before_exec=own_mount(state, options))
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"no mount namespace of its own: {error}")
    try:
        survives(box)
    finally:
        box.__exit__()


def test_logs_tells_of_a_crash_that_found_the_disk_full(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    box = Box(tmp_path, {"directives": True}, model=CLOCKS, config=f'state_directory = "{state}"\nadmin_socket = "a.sock"\n')
    try:
        box.start(before_exec=own_mount(state, (0, b"size=4k")))
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"no mount namespace of its own: {error}")
    with contextlib.ExitStack() as after:
        after.push(box)
        assert "Nothing is kept" in done(box, "logs", "--crash")
        box.kill("runtime")
        box.logged("event=black-box.lost", 30)
        listed, one = corral(box, "logs", "--crash"), corral(box, "logs", "--crash", "1")
        for told in (listed, one):
            assert "the latest incident has no bundle, because it could not be written: " in told.stderr, told
            assert "No space left on device" in told.stderr and "nothing has crashed" not in told.stderr and told.stdout == ""
        assert json.loads(done(box, "logs", "--crash", "--json")) == []


def test_logs_shows_what_was_kept_without_the_server(tmp_path):
    with Box(tmp_path, {"directives": True}, config='state_directory = "state-home/corral"\nadmin_socket = "a.sock"\n',
             model=CLOCKS) as box:
        assert "Nothing is kept" in logs(box).stdout
        box.kill("runtime", signal.SIGSEGV)
        bundles(box, 1)
        box.wait_ready()
        box.kill("runtime", signal.SIGABRT)
        bundles(box, 2)
        of_the_daemon = subprocess.run([BIN / "corral", "logs", "--crash", "--socket", tmp_path / "a.sock"], capture_output=True, text=True,
                                       env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "another")})
        assert box.stop() == 0
        listed = logs(box)
        assert of_the_daemon.stdout == listed.stdout, of_the_daemon
        first, second = listed.stdout.splitlines()[:2]
        assert re.match(r" +1 .* sim:latest +crash +runtime: .*SIGABRT", first), listed
        assert re.match(r" +2 .* sim:latest +crash +runtime: .*SIGSEGV", second), listed
        shown = logs(box, "2").stdout
        assert names(box)[0] in shown and "SIGSEGV" in shown and "What happened" in shown and "| " in shown
        assert json.loads(logs(box, "1", "--json").stdout)["trigger"]["sentence"].count("SIGABRT") == 1
        assert [one["kind"] for one in json.loads(logs(box, "--json").stdout)] == ["crash", "crash"]
        assert logs(box, names(box)[0]).stdout == shown
        named = subprocess.run([BIN / "corral", "logs", "--config", box.config_file, "--crash"], capture_output=True, text=True)
        assert named.stdout == listed.stdout
        for wrong in ("3", "0", "../corral.toml", "x"):
            refused = logs(box, wrong)
            assert refused.returncode == 1 and "there is no" in refused.stderr and refused.stdout == ""
        elsewhere = logs(box, state=pathlib.Path(os.devnull))
        assert elsewhere.returncode == 1 and elsewhere.stderr.startswith("error: ")
