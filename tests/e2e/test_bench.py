"""`corral bench` as a user runs it: against a real corral with a simulated runtime, and against servers that misbehave."""

import contextlib
import http.server
import json
import os
import re
import signal
import subprocess
import threading
import time

import pytest

from harness import BIN, Box, free_port, compares_soon
from keyed_box import make_box

SET = """
name = "mine"
[[tests]]
id = "one"
title = "First"
prompt = "[[text=alpha beta gamma delta]]"
[[tests]]
id = "two"
title = "Second"
prompt = "[[text=one ``` two]]"
"""

SECTIONS = ["# 🚀 ", "## 📊 Executive Summary", "## ⚙️ Configuration", "## 🎯 Performance Metrics", "## 🔢 Token Statistics",
            "## 📝 Detailed Test Results", "## 💡 Observations", "### Performance Analysis", "### Quality Assessment",
            "### Long-Form Generation", "## 🎯 Conclusion", "**Report Generated:**"]


def arguments(url, out, prompts, *more, model="sim"):
    return [str(BIN / "corral"), "bench", "--url", url, "--model", model, "--out", str(out), "--set", str(prompts), *more]


def bench(url, out, prompts, *more, **names):
    own = {**os.environ, "XDG_STATE_HOME": str(out.parent / "state-home")}
    return subprocess.run(arguments(url, out, prompts, *more, **names), capture_output=True, text=True, timeout=120, env=own)


def at_home(box):
    """The environment in which the admin socket of `box` is found."""
    return {**os.environ, "XDG_STATE_HOME": str(box.folder / "state-home")}


@pytest.fixture
def prompts(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(SET)
    return file


@contextlib.contextmanager
def server(answer):
    """An Ollama server whose /api/chat is `answer(handler, number of the request)`."""
    over = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        count = 0

        def log_message(self, *_):
            pass

        def say(self, body):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            self.say(b'{"version":"0.1.0"}' if self.path == "/api/version" else b'{"models":[]}')

        def do_POST(self):
            self.asked = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path != "/api/chat":
                return self.say(b"{}")
            Handler.count += 1
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                answer(self, Handler.count)

        def line(self, **of):
            self.wfile.write(json.dumps(of).encode() + b"\n")
            self.wfile.flush()

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        listening.over = over
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{listening.server_address[1]}", over
        finally:
            over.set()
            listening.shutdown()
            thread.join()


def test_a_whole_report_against_corral(tmp_path, prompts):
    with Box(tmp_path / "box", {"directives": True}) as box:
        url = f"http://127.0.0.1:{box.port}"
        before = len(box.runs())
        done = bench(url, tmp_path / "out", prompts, "--repeat", "2", "--hardware", "Simulated board")
        assert done.returncode == 0, done.stderr
        runs = box.runs()
    assert len(runs) - before == 5, "two tests, twice, and one warm-up"
    report = (tmp_path / "out/report.md").read_text()
    assert [report.find(one) for one in SECTIONS] == sorted(report.find(one) for one in SECTIONS) and report.startswith(SECTIONS[0])
    assert all(one in report for one in SECTIONS)
    assert "**Hardware:** Simulated board" in report and "**Success Rate:** 4/4 (100%)" in report
    assert "````\none ``` two\n````" in report
    results = json.loads((tmp_path / "out/results.json").read_text())["results"]
    assert [one["text"] for one in results] == ["alpha beta gamma delta", "one ``` two"] * 2
    assert all(one["output_tokens"] > 0 and one["input_tokens"] > 0 and one["decode_s"] > 0 for one in results)
    output = sum(one["output_tokens"] for one in results)
    assert f"**Total Output Tokens:** {output:,}\n" in report
    speeds = [one["output_tokens"] / one["decode_s"] for one in results]
    average = float(re.search(r"Average Speed:\*\* ([0-9.]+) tok/s", report)[1])
    assert average == pytest.approx(sum(speeds) / 4, abs=0.01)


def test_thinking_is_asked_for_where_somebody_said_so(tmp_path, prompts):
    asked = []

    def answers(handler, number):
        asked.append(json.loads(handler.asked).get("think", "nothing said"))
        handler.line(message={"content": "a text"}, done=True)

    with server(answers) as (url, _):
        for words in [], ["--think"], ["--no-think"]:
            bench(url, tmp_path / "out", prompts, "--warm-up", "0", *words)
    assert asked == ["nothing said"] * 2 + [True] * 2 + [False] * 2


def test_a_runtime_that_hangs_is_timed_out_by_silence_and_is_not_fast(tmp_path, prompts):
    with Box(tmp_path / "box", {"directives": True}) as box:
        box.fault("runtime", "hang", route="/api/generate_provider", ms=-1)
        begin = time.monotonic()
        done = bench(f"http://127.0.0.1:{box.port}", tmp_path / "out", prompts, "--warm-up", "0", "--first-byte", "1")
        assert done.returncode == 1 and time.monotonic() - begin < 30
    report = (tmp_path / "out/report.md").read_text()
    assert "**Success Rate:** 0/2 (0%)" in report and "**Average Speed:** not known" in report
    assert report.count("❌ **Failed:** Request timed out: no part of an answer came within 1.0 s") == 2
    assert "[[text=alpha beta gamma delta]]" in report, "a failed test keeps its prompt"


def test_what_had_come_before_the_silence_is_kept(tmp_path, prompts):
    def stalls(handler, number):
        handler.line(message={"content": "a beginning"}, done=False)
        while not over.wait(0.02):
            handler.wfile.write(b" ")  # alive, but not thinking

    with server(stalls) as (url, over):
        done = bench(url, tmp_path / "out", prompts, "--warm-up", "0", "--silence", "0.5")
    assert done.returncode == 1
    results = json.loads((tmp_path / "out/results.json").read_text())["results"]
    assert [(one["status"], one["text"], one["pieces"]) for one in results] == [("timed_out", "a beginning", 1)] * 2
    assert "**Partial Response:**\n```\na beginning\n```" in (tmp_path / "out/report.md").read_text()


def test_interrupted_it_leaves_a_report(tmp_path, prompts):
    reached = threading.Event()

    def second_hangs(handler, number):
        handler.line(message={"content": "done"}, done=number == 1)
        if number == 2:
            reached.set()
            over.wait(60)

    with server(second_hangs) as (url, over):
        running = subprocess.Popen(arguments(url, tmp_path / "out", prompts, "--warm-up", "0"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert reached.wait(30)
        assert json.loads((tmp_path / "out/results.json").read_text())["results"][0]["status"] == "success", "written after each test"
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=30)
        assert running.returncode == 130, said
    report = (tmp_path / "out/report.md").read_text()
    assert "**Interrupted:** after 1 of 2 tests" in report and "**Success Rate:** 1/1 (100%)" in report


def test_milliseconds_in_place_of_nanoseconds_are_seen(tmp_path, prompts):
    def slow(handler, number):
        over.wait(0.4)
        handler.line(message={"content": "words"}, done=False)
        handler.line(message={"content": ""}, done=True, eval_count=40, prompt_eval_count=4, eval_duration=300, prompt_eval_duration=80)

    with server(slow) as (url, over):
        assert bench(url, tmp_path / "out", prompts, "--warm-up", "0").returncode == 0
    report = (tmp_path / "out/report.md").read_text()
    assert "writes milliseconds where the protocol has nanoseconds" in report
    assert "| Generation Speed | 133.33 tok/s |" in report and "| Time to First Token | 80.00 ms |" in report


def test_two_runs_are_compared(tmp_path, prompts):
    def speed(tokens):
        def answer(handler, number):
            over.wait(0.1)
            handler.line(message={"content": "words"}, done=False)
            handler.line(message={"content": ""}, done=True, eval_count=tokens, prompt_eval_count=4, eval_duration=50_000_000,
                         prompt_eval_duration=20_000_000)
        return answer

    with server(speed(10)) as (url, over):
        assert bench(url, tmp_path / "before", prompts, "--warm-up", "0").returncode == 0
    with server(speed(15)) as (url, over):
        assert bench(url, tmp_path / "after", prompts, "--warm-up", "0", "--compare", str(tmp_path / "before")).returncode == 0
    text = (tmp_path / "after/comparison.md").read_text()
    assert "| tok/s (decode) | 200.00 | 300.00 | +50% |" in text and "| Second | 200.00 | 300.00 | +50% |" in text


def test_two_servers_are_measured_in_turn(tmp_path, prompts):
    order = []

    def speed(name, tokens):
        def answer(handler, number):
            order.append(name)
            handler.line(message={"content": "words"}, done=False)
            handler.line(message={"content": ""}, done=True, eval_count=tokens, prompt_eval_count=4, eval_duration=1_000_000,
                         prompt_eval_duration=500_000)
        return answer

    with server(speed("old", 10)) as (old, _), server(speed("new", 15)) as (new, _):
        run = bench(new, tmp_path / "out", prompts, "--warm-up", "1", "--repeat", "2", "--compare", old, "--compare-model", "other:1b")
        assert run.returncode == 0, run.stderr
    assert order == ["new", "old", "new", "old", "old", "new", "new", "old", "old", "new"]
    text = (tmp_path / "out/comparison.md").read_text()
    assert re.search(r"- \*\*Before:\*\* other:1b at " + re.escape(old), text) and re.search(r"- \*\*After:\*\* \S+ at " + re.escape(new), text)
    assert len(json.loads((tmp_path / "out/results.json").read_text())["results"]) == 4
    assert json.loads((tmp_path / "out/compared/results.json").read_text())["model"] == "other:1b"
    assert (tmp_path / "out/compared/report.md").exists()


def test_runs_without_a_common_test_are_not_compared_and_others_are_named(tmp_path, prompts):
    def answer(handler, number):
        handler.line(message={"content": "words"}, done=False)
        handler.line(message={"content": ""}, done=True, eval_count=9, prompt_eval_count=4, eval_duration=1_000_000, prompt_eval_duration=500_000)

    with server(answer) as (url, _):
        assert bench(url, tmp_path / "before", prompts, "--warm-up", "0").returncode == 0
        refused = bench(url, tmp_path / "out", "rk3588", "--compare", str(tmp_path / "before"))
        assert refused.returncode == 2 and "no test in common with the set 'rk3588'" in refused.stderr
        prompts.write_text(SET.replace('"two"', '"three"').replace("Second", "Third"))
        assert bench(url, tmp_path / "after", prompts, "--warm-up", "0", "--compare", str(tmp_path / "before")).returncode == 0
    text = (tmp_path / "after/comparison.md").read_text()
    assert "- **Only before:** Second" in text and "- **Only after:** Third" in text and "1 are in both" in text


@pytest.mark.parametrize("body", [b"garbage\n", b'{"error":"out of memory"}\n', b'{"done":true}\n', b"", b"x" * 5_000_000],
                         ids=["garbage", "error", "empty", "cut", "endless line"])
def test_hostile_answers_are_failures(tmp_path, prompts, body):
    with server(lambda handler, number: handler.wfile.write(body)) as (url, _):
        assert bench(url, tmp_path / "out", prompts, "--warm-up", "0").returncode == 1
    results = json.loads((tmp_path / "out/results.json").read_text())["results"]
    assert [one["status"] for one in results] == ["failed", "failed"] and all(one["reason"] for one in results)


def test_wrong_options_are_said_and_nobody_there_is_a_failure(tmp_path, prompts):
    assert "must look like http://HOST:PORT" in bench("ftp://127.0.0.1:1", tmp_path / "out", prompts).stderr
    assert "there is no test set 'nothing'" in bench("http://127.0.0.1:1", tmp_path / "out", "nothing").stderr
    prompts.write_text(SET + "typo = 1\n")
    wrong = bench("http://127.0.0.1:1", tmp_path / "out", prompts)
    assert wrong.returncode == 2 and "mine.toml:11: 'typo' is no key" in wrong.stderr
    nobody = bench("http://127.0.0.1:1", tmp_path / "out", "rk3588")
    assert nobody.returncode == 1 and "refused" in nobody.stderr


CHECKS = """
name = "checks"
[[tests]]
id = "good"
title = "Good JSON"
prompt = '[[text={"a":1}]]'
format = "json"
[[tests]]
id = "bad"
title = "No JSON"
prompt = "say it"
format = "json"
[[tests]]
id = "tool"
title = "A call"
prompt = "weather?"
tools = '''[{"type": "function", "function": {"name": "weather"}}]'''
"""

WHOLE = {"done": True, "eval_count": 9, "prompt_eval_count": 4, "eval_duration": 1_000_000, "prompt_eval_duration": 500_000}


def test_a_test_passes_only_if_the_answer_is_what_it_asks_for(tmp_path):
    prompts = tmp_path / "checks.toml"
    prompts.write_text(CHECKS)

    def answer(handler, number):
        handler.line(message={"content": '{"a":1}' if number == 1 else "no"}, done=False)
        handler.line(message={"content": ""}, **WHOLE)

    with server(answer) as (url, _):
        done = bench(url, tmp_path / "out", prompts, "--warm-up", "0")
    assert done.returncode == 1
    results = json.loads((tmp_path / "out/results.json").read_text())["results"]
    assert [one["status"] for one in results] == ["success", "wrong", "wrong"]
    assert "1 of 3 tests as asked" in done.stdout
    assert "No JSON: the answer is no valid JSON" in done.stdout and "A call: no tool was called" in done.stdout
    assert len(done.stdout.splitlines()) <= 14 and max(map(len, done.stdout.splitlines())) <= 120


def test_what_the_model_can_not_do_is_said_and_not_asked(tmp_path):
    prompts = tmp_path / "checks.toml"
    prompts.write_text(CHECKS)
    with Box(tmp_path / "box", {"directives": True}) as box:
        before = len(box.runs())
        done = bench(f"http://127.0.0.1:{box.port}", tmp_path / "out", prompts, "--warm-up", "0")
        asked = len(box.runs()) - before
    results = json.loads((tmp_path / "out/results.json").read_text())["results"]
    assert (results[2]["status"], results[2]["reason"]) == ("unable", "the model can't call tools")
    assert results[0]["status"] == "success", results[0]
    assert asked >= 2 and "1 that the model can't do" in done.stdout


def test_the_running_daemon_and_its_model_are_found(tmp_path, prompts):
    with Box(tmp_path / "box", {"directives": True}) as box:
        words = [str(BIN / "corral"), "bench", "--config", str(box.config_file), "--set", str(prompts), "--out", str(tmp_path / "out")]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, env=at_home(box))
        port = box.port
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "out/results.json").read_text())
    assert results["url"] == f"http://127.0.0.1:{port}" and results["model"].startswith("sim")
    assert results["facts"]["profile"] == "axera-poll" and results["facts"]["package"] == "package" and results["facts"]["corral"]
    assert results["totals"]["client_first_piece_ms"]["p99"] > 0 and results["totals"]["client_gap_ms"]["p50"] >= 0


def test_nobody_at_the_usual_place_is_one_sentence(tmp_path, prompts):
    config = tmp_path / "corral.toml"
    config.write_text(f'listen = "127.0.0.1:{free_port()}"\n')
    words = [str(BIN / "corral"), "bench", "--config", str(config), "--set", str(prompts), "--out", str(tmp_path / "out")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    # With "Start it", or as whom another runs on this machine.
    assert done.returncode == 1 and done.stderr.startswith("error: Corral is not running") and done.stderr.count("\n") == 1, done.stderr
    assert not (tmp_path / "out").exists()


def test_a_wrong_model_is_one_refusal(tmp_path, prompts):
    with Box(tmp_path / "box", {"directives": True}) as box:
        before = len(box.runs())
        done = bench(f"http://127.0.0.1:{box.port}", tmp_path / "out", prompts, model="simm")
        assert len(box.runs()) == before
    assert done.returncode == 1 and not (tmp_path / "out").exists()
    assert re.fullmatch(r"error: there is no model 'simm' at \S+; did you mean 'sim\S*'\? It has sim\S*\.\n", done.stderr), done.stderr


def test_clients_at_once_are_measured_together(tmp_path, prompts):
    inside, most = [0], [0]
    guard = threading.Lock()

    def answer(handler, number):
        with guard:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        over.wait(0.2)
        handler.line(message={"content": "words"}, done=False)
        handler.line(message={"content": ""}, **WHOLE)
        with guard:
            inside[0] -= 1

    with server(answer) as (url, over):
        done = bench(url, tmp_path / "out", prompts, "--warm-up", "0", "--concurrency", "4")
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "out/results.json").read_text())
    assert most[0] == 4 and sorted(one["client"] for one in results["results"]) == [1, 1, 2, 2, 3, 3, 4, 4]
    assert "all clients, tok/s" in done.stdout and results["concurrency"] == 4
    assert results["totals"]["together_tokens_per_second"]["p50"] > 36 / 2


def test_what_a_model_wrote_stays_text_in_the_page(tmp_path, prompts):
    def answer(handler, number):
        handler.line(message={"content": "<script>alert(1)</script>"}, done=False)
        handler.line(message={"content": ""}, **WHOLE)

    with server(answer) as (url, _):
        assert bench(url, tmp_path / "out", prompts, "--warm-up", "0").returncode == 0
    page = (tmp_path / "out/report.html").read_text()
    assert "<script" not in page and "&lt;script&gt;" in page and "<svg" in page


def test_a_box_with_tls_and_keys_is_measured(tmp_path, prompts):
    (tmp_path / "box").mkdir()
    with make_box(tmp_path / "box", tls=True) as box:
        key = tmp_path / "key"
        key.write_text(box.key + "\n")
        trusted = ("--ca-file", str(tmp_path / "box/tls/cert.pem"))
        url = f"https://127.0.0.1:{box.port}"
        done = bench(url, tmp_path / "out", prompts, *trusted, "--key-file", str(key))
        assert done.returncode == 0, done.stderr
        strange = bench(url, tmp_path / "no", prompts, "--key-file", str(key))
        assert strange.returncode == 1 and "the certificate of 127.0.0.1 is not trusted: self-signed certificate" in strange.stderr
        keyless = bench(url, tmp_path / "no", prompts, *trusted)
        assert keyless.returncode == 1 and "it requires an API key. Pass it with --key-file or OLLAMA_API_KEY." in keyless.stderr
        # Found by itself, it is trusted by the very certificate that its configuration names.
        words = [str(BIN / "corral"), "bench", "--config", str(box.config_file), "--set", str(prompts), "--out", str(tmp_path / "own")]
        own = subprocess.run(words, capture_output=True, text=True, timeout=120, env={**at_home(box), "OLLAMA_API_KEY": box.key})
        assert own.returncode == 0, own.stderr
    assert json.loads((tmp_path / "out/results.json").read_text())["totals"]["successes"] == 2


def test_a_conversation_is_played_behind_the_cache_and_anew(tmp_path):
    timing = {"prefill_ms_per_chunk": 60, "tokens_per_second": 2000}
    with Box(tmp_path, {"mode": "text", "timing": timing}, model=compares_soon("")) as box:
        box.logged("answered the same behind its cache", 30)
        command = [str(BIN / "corral"), "bench", "--url", f"http://127.0.0.1:{box.port}", "--model", "sim", "--reuse", "--turns", "5",
                   "--max-tokens", "30", "--out", str(tmp_path / "out")]
        shown = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert shown.returncode == 0, shown.stderr
        assert "behind what is held" in shown.stdout and len(shown.stdout.splitlines()) == 2 + 2 + 5
        kept = json.loads((tmp_path / "out" / "reuse.json").read_text())
        assert (tmp_path / "out" / "reuse.txt").read_text() == shown.stdout
        for row in kept["turns"]:
            with_reuse, without = row["with_reuse"], row["without_reuse"]
            assert without["cached_tokens"] == 0
            assert abs(with_reuse["prompt_tokens"] - without["prompt_tokens"]) <= 2
            assert (with_reuse["cached_tokens"] > 0) == (row["turn"] > 1)
        last = kept["turns"][-1]
        assert last["with_reuse"]["first_text_seconds"] < last["without_reuse"]["first_text_seconds"] - 0.1
        told = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=120)
        assert len(json.loads(told.stdout)["turns"]) == 5
