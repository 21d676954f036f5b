"""A model with fallbacks: when its first tier is down the next one answers, nothing is lost, and there is one change there and one back."""

import json
import os
import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from admin_cli import corral, done
from farm import SCENARIO, Farm
from harness import BIN, Box, Elsewhere, wait_until
from test_breaker import rule as breaker_rule
from test_giving_way import WORDS, job

MODEL = "duo:latest"
SECOND = f"{MODEL}@fallback1"


class Duo(Farm):
    """One model: packages "npu" and, behind it, "cpu". `slow`: milliseconds that the first one takes to load."""

    def __init__(self, folder, failback="2s", fallback="", slow=None, with_fallback=True, **more):
        self.failback, self.fallback_lines, self.with_fallback = failback, fallback, with_fallback
        super().__init__(folder, {"duo": {"package": "npu", "mib": 100, "lines": ""}}, **more)
        self.scenario_of("cpu")
        self.scenario_of("npu", **({"load_ms": slow} if slow else {}))
        self.write(self.models)

    def scenario_of(self, package, **timing):
        file = self.folder / f"scenario-{package}.json"
        file.write_text(json.dumps({**SCENARIO, "timing": {**SCENARIO["timing"], **timing}}))
        return file

    def table(self, name, package=None, mib=100, lines="", said=None):
        behind = f'failback_after = "{self.failback}"\n' if self.with_fallback else ""
        first = super().table(name, package, mib, lines + behind, said)
        first = first.replace(str(self.folder / "scenario.json"), str(self.folder / f"scenario-{package}.json"))
        return first + (self.fallback_table() if self.with_fallback else "")

    def fallback_table(self):
        sim = str(BIN / "corral-sim")
        environment = (f'{{ CORRAL_SIM_SCENARIO = "{self.folder / "scenario-cpu.json"}", CORRAL_SIM_PORT = "{{port}}", '
                       'CORRAL_SIM_BIND = "127.0.0.1" }')
        commands = {"tokenizer": [sim, "tokenizer", "--host", "127.0.0.1", "--port", "{port}"],
                    "runtime": [sim, "runtime", *self.runtime_flags(2)]}
        services = "".join(f"[models.fallbacks.services.{service}]\nport = 0\ncommand = {json.dumps(command)}\n"
                           f"environment = {environment}\n" for service, command in commands.items())
        return (f'[[models.fallbacks]]\nprofile = "axera-poll"\npackage = "{self.package_of("cpu", 100)}"\n'
                f'package_forbids_thinking = false\ncards = [1]\n{self.fallback_lines}\n'
                f'[models.fallbacks.device]\nformat = "none"\n{services}')

    def kill_first(self):
        pid = wait_until(lambda: self.runtime_pids().get(MODEL), what="the first tier runs")
        os.kill(pid, signal.SIGKILL)

    def changes(self):
        return re.findall(r"requests go to (\S+) from now on", self.log())

    def served_by(self, mark="who"):
        reply = self.ask("duo", f"[[model={mark}]]")
        assert reply.status == 200, reply.body
        package, _, rest = reply.json["message"]["content"].partition(" ")
        assert rest == mark
        assert (package, reply.headers["Corral-Served-By"], reply.headers["Corral-Tier"]) in (
            ("npu", MODEL, "0"), ("cpu", SECOND, "1")), reply.headers
        return package


class Load:
    """So many clients that ask without a pause; every answer must be whole and name the one that gave it."""

    def __init__(self, box, clients):
        self.box, self.over = box, threading.Event()
        self.lock, self.served, self.problems = threading.Lock(), [], []
        self.threads = [threading.Thread(target=self.work, args=(number,)) for number in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def work(self, number):
        turn = 0
        while not self.over.is_set():
            turn += 1
            try:
                package = self.box.served_by(f"{number}-{turn}")
            except Exception as problem:  # shown by the test
                self.problems.append(repr(problem))
                return
            with self.lock:
                self.served.append(package)

    def count(self, package):
        with self.lock:
            return self.served.count(package)

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in self.threads), "a request never ended"
        assert self.problems == []


def test_killing_the_first_tier_under_load_loses_nothing_and_changes_once_each_way(tmp_path):
    with Duo(tmp_path, failback="8s") as duo:  # on a busy machine a kill takes seconds
        duo.wait_set(MODEL)
        duo.wait_set(SECOND)
        assert duo.served_by() == "npu"
        with Load(duo, 8) as load:
            wait_until(lambda: load.count("npu") > 20, what="the first tier serves")
            # The second tier may have been ready first, and the line of the change comes behind the status.
            begun = len(duo.changes())
            duo.kill_first()
            wait_until(lambda: load.count("cpu") > 20, what="the second tier serves")
            duo.wait_set(MODEL)
            # It flaps: ready, and down again before the while is over.
            duo.kill_first()
            duo.wait_set(MODEL)
            before = load.count("npu")
            wait_until(lambda: load.count("npu") > before + 20, 60, "the first tier serves again")
        assert duo.changes()[begun:] == [SECOND, MODEL]
        assert {"npu", "cpu"} == set(load.served)
        told = duo.logged_times(".*event=tier.changed.*", begun + 2)[begun:]
        assert all("WARN" in line for line in told), told
        assert "failed and is being restarted" in told[0] and "ready for 8 s without a break" in told[1]
        assert duo.logged(rf"request id=.* by={SECOND} outcome=stop")


def test_the_status_tells_which_tier_serves_and_why(tmp_path):
    with Duo(tmp_path, failback="1h") as duo:
        duo.wait_set(MODEL)
        duo.wait_set(SECOND)
        assert duo.get("/readyz").json["models"][0]["served_by"] == MODEL
        assert "requests go here" in done(duo, "status", "--long")
        duo.kill_first()
        wait_until(lambda: duo.sets()[SECOND]["tier"]["serves"], what="the second serves")
        duo.wait_set(MODEL)
        assert duo.served_by() == "cpu", "the first is not trusted yet"
        assert duo.get("/readyz").json["models"][0]["served_by"] == SECOND
        tier = duo.sets()[SECOND]["tier"]
        assert tier["number"] == 1 and "failed and is being restarted" in tier["why"]
        assert not duo.sets()[MODEL]["tier"]["serves"]
    assert "event=tier.changed" not in duo.log().partition("received Terminated")[2], "nothing failed"


def test_while_the_first_tier_loads_the_second_serves_and_the_first_takes_over_at_once(tmp_path):
    with Duo(tmp_path, failback="1h", slow=3000) as duo:
        duo.wait_set(SECOND)
        assert duo.served_by() == "cpu"
        duo.wait_set(MODEL)
        assert duo.served_by() == "npu"
        assert not [line for line in duo.log().splitlines() if "event=tier.changed" in line and "WARN" in line]


def broken_from_the_start(folder, lines=""):
    duo = Duo(folder, failback="200ms")
    duo.models["duo"]["lines"] = breaker_rule(retry="1h") + "\n" + lines
    duo.write(duo.models)
    scenario = folder / "scenario-npu.json"
    scenario.write_text(json.dumps({**json.loads(scenario.read_text()), "faults": {"kill_at": {"on": True, "args": {"phase": "load"}}}}))
    return duo


def test_a_tier_whose_file_comes_back_serves_again_although_its_breaker_is_open(tmp_path):
    with broken_from_the_start(tmp_path) as duo:
        duo.wait_set(MODEL, "broken")
        assert duo.served_by() == "cpu"
        duo.scenario_of("npu")
        (tmp_path / "package-npu" / "libdriver.so").touch()
        duo.wait_set(MODEL)
        wait_until(lambda: duo.served_by() == "npu", what="the first tier serves again")


def test_a_cold_fallback_is_loaded_when_it_is_needed_and_goes_when_it_is_not(tmp_path):
    with Duo(tmp_path, failback="500ms", fallback='standby = "cold"') as duo:
        duo.wait_set(MODEL)
        assert duo.sets()[SECOND]["state"] == "unloaded"
        duo.scenario_of("npu", load_ms=4000)  # so the next start is slower than the fallback's
        duo.kill_first()
        assert duo.served_by() == "cpu"
        duo.wait_set(MODEL)
        wait_until(lambda: duo.served_by() == "npu", what="the first serves again")
        duo.wait_set(SECOND, "unloaded")


def test_the_tier_that_serves_sums_up_what_went(tmp_path):
    with broken_from_the_start(tmp_path, 'oversize = "summarise"\n') as duo:
        duo.wait_set(MODEL, "broken")
        duo.wait_set(SECOND)
        talk = [one for n in range(14) for one in ({"role": "user", "content": f"Fact {n}. " + "[[text=Fourteen facts.]]" * (n == 0)},
                                                   {"role": "assistant", "content": "Noted. " * 60})]
        ask = lambda: duo.post("/api/chat", {"model": "duo", "stream": False, "messages": [*talk, {"role": "user", "content": "[[text=Yes.]] go on"}]})
        assert "messages=" in ask().headers["Corral-Shortened"]
        assert duo.logged(rf"request id=\S+-summary .*by={SECOND} outcome=stop", 60)
        answers = []
        wait_until(lambda: answers.append(ask()) or "summarised=" in answers[-1].headers["Corral-Shortened"], 10)
        assert answers[-1].headers["Corral-Served-By"] == SECOND and answers[-1].json["message"]["content"] == "Yes."


GAVE_WAY = "gives way to somebody"


def test_a_job_makes_way_on_a_fallback_and_goes_on_there(tmp_path):
    duo = broken_from_the_start(tmp_path)
    duo.scenario_of("cpu", tokens_per_second=80)
    with duo:
        duo.wait_set(MODEL, "broken")
        duo.wait_set(SECOND)
        text = ""
        for line in job(duo, model="duo"):
            text += line["message"]["content"]
            if len(text) > 100 and GAVE_WAY not in duo.log():
                assert duo.served_by() == "cpu" and not line["done"]
        assert (text, line["done_reason"]) == (WORDS, "stop")
        assert duo.log().count(GAVE_WAY) == 1


@pytest.mark.parametrize("streams", [True, False])
def test_a_job_that_made_way_on_a_tier_that_died_is_whole_or_says_so(tmp_path, streams):
    duo = Duo(tmp_path, failback="1h")
    for package in ("npu", "cpu"):
        duo.scenario_of(package, tokens_per_second=80)
    with duo, ThreadPoolExecutor(2) as clients:
        duo.wait_set(MODEL)
        duo.wait_set(SECOND)
        wait_until(lambda: duo.served_by() == "npu", what="the first tier serves")
        lines = []
        ended = clients.submit(lambda: lines.extend(job(duo, model="duo", stream=streams)))
        wait_until(lambda: lines if streams else duo.sets()[MODEL]["queue"]["running"], what="it runs")
        person = clients.submit(duo.ask, "duo", f"[[text={WORDS}]]")
        wait_until(lambda: GAVE_WAY in duo.log(), what="it makes way")
        duo.kill_first()
        assert person.result().json["message"]["content"] == WORDS
        ended.result()
        text = "".join(line.get("message", {}).get("content", "") for line in lines)
        if streams:  # the fallback would not go on word for word
            written, _, note = text.partition("\n\n[This answer is not whole: ")
            assert written and WORDS.startswith(written) and note[:-1] == lines[-1]["error"], lines
            assert "go on word for word" in lines[-1]["error"]
        else:
            assert (text, len(lines)) == (WORDS, 1)


def test_a_long_prompt_that_waits_is_prepared_anew_for_the_tier_that_takes_it(tmp_path):
    duo = Duo(tmp_path, failback="1h")
    for package in ("npu", "cpu"):
        duo.scenario_of(package, tokens_per_second=80)
    with duo, ThreadPoolExecutor(2) as clients:
        duo.wait_set(MODEL)
        duo.wait_set(SECOND)
        wait_until(lambda: duo.served_by() == "npu", what="the first tier serves")
        queue = lambda: duo.sets()[MODEL]["queue"]
        running = clients.submit(duo.ask, "duo", f"[[text={WORDS}]]")
        wait_until(lambda: queue()["running"], what="one runs")
        talk = [{"role": role, "content": "so on and so forth " * 40} for _ in range(15) for role in ("user", "assistant")]
        waiting = clients.submit(duo.post, "/api/chat", {"model": "duo", "stream": False, "messages": [
            *talk, {"role": "user", "content": "[[model=late]]"}]})
        wait_until(lambda: queue()["waiting"], what="one waits")
        duo.kill_first()
        assert running.result().json["message"]["content"] == WORDS
        late = waiting.result()
        assert (late.json["message"]["content"], late.headers["Corral-Served-By"]) == ("cpu late", SECOND)


def test_fallbacks_come_and_go_by_reload_under_a_running_answer(tmp_path):
    with Duo(tmp_path, with_fallback=False, timing={"tokens_per_second": 10}) as duo:
        duo.scenario_of("npu", tokens_per_second=10)
        duo.wait_set(MODEL)
        pid = duo.runtime_pids()[MODEL]
        for with_fallback in (True, False):
            running = duo.stream_of("duo", "[[model=" + "word " * 10 + "]]")
            lines = iter(running)
            next(lines)
            duo.with_fallback = with_fallback
            duo.write(duo.models)
            assert corral(duo, "reload").returncode == 0
            assert [*lines][-1]["done"] is True
            assert (SECOND in duo.sets()) is with_fallback
            assert duo.runtime_pids()[MODEL] == pid, "the first tier goes on"
            if with_fallback:
                duo.wait_set(SECOND)


def test_what_a_fallback_says_wrong_is_named(tmp_path):
    with Duo(tmp_path) as duo:
        duo.wait_set(MODEL)
        for lines, words in (("nmae = 1", "nmae"), ('standby = "warm"', "standby"), ('profile2 = "x"', "profile2"),
                             ("instances = 2", "instances"), ("[[models.fallbacks.fallbacks]]", "fallbacks")):
            duo.fallback_lines = lines
            duo.write(duo.models)
            told = corral(duo, "reload")
            assert told.returncode != 0 and words in told.stdout + told.stderr, told


class Remote(Duo):
    """The fallback is another server, by its URL."""

    def __init__(self, folder, url, lines="", **more):
        self.url, self.lines = url, lines
        super().__init__(folder, **more)

    def fallback_table(self):
        return (f'[[models.fallbacks]]\nprofile = "ollama-remote"\nfamily = "qwen2.5"\nvariables = {{ url = "{self.url}", '
                f'remote_model = "far", at_once = 4{self.lines} }}\n')


def far(folder, **more):
    """The server behind: its model "far" runs the package "cpu"."""
    box = Farm(folder, {"far": {"package": "cpu", "mib": 100}}, **more)
    return box


def test_a_remote_server_answers_when_the_first_tier_is_down(tmp_path):
    with far(tmp_path / "far") as behind, Remote(tmp_path / "near", f"http://localhost:{behind.port}") as near:
        near.wait_set(MODEL)
        near.wait_set(SECOND)
        begun = len(near.changes())
        with Load(near, 6) as load:
            wait_until(lambda: load.count("npu") > 10, what="the first tier serves")
            near.kill_first()
            wait_until(lambda: load.count("cpu") > 10, what="the remote server serves")
            wait_until(lambda: near.changes()[begun:] == [SECOND, MODEL], what="the first tier serves again")
        assert near.changes()[begun:] == [SECOND, MODEL]
        near.scenario_of("npu", load_ms=5000)
        near.kill_first()
        wait_until(lambda: near.sets()[SECOND]["tier"]["serves"], what="the remote serves")
        lines = list(near.stream_of("duo", "[[model=some words to stream]]"))
        assert "".join(line["message"]["content"] for line in lines) == "cpu some words to stream"
        assert lines[-1]["done_reason"] == "stop" and lines[-1]["eval_count"] > 0 and lines[-1]["prompt_eval_count"] > 0
        cut = near.ask("duo", "[[model=one two three four five six seven eight]]", options={"num_predict": 3})
        assert cut.json["done_reason"] == "length" and cut.json["eval_count"] == 3


def test_a_remote_server_that_goes_is_out_and_comes_back(tmp_path):
    with far(tmp_path / "far") as behind:
        with Remote(tmp_path / "near", f"http://127.0.0.1:{behind.port}") as near:
            near.wait_set(MODEL)
            near.wait_set(SECOND)
            behind.listen = f"127.0.0.1:{behind.port}"
            behind.stop()
            near.wait_set(SECOND, "broken")
            assert "can't be reached" in near.sets()[SECOND]["reason"]
            assert near.served_by() == "npu"
            behind.start()
            near.wait_set(SECOND)
            assert near.served_by() == "npu"


def test_a_remote_server_that_can_not_serve_says_why(tmp_path):
    with far(tmp_path / "far") as behind:
        for lines, words in ((', key_file = "/nowhere/key"', "the key file /nowhere/key can't be read"), ("", "has no model")):
            with Remote(tmp_path / "near", f"http://127.0.0.1:{behind.port}", lines) as near:
                if not lines:
                    near.config_file.write_text(near.config_file.read_text().replace('remote_model = "far"', 'remote_model = "other"'))
                    assert corral(near, "reload").returncode == 0
                near.wait_set(SECOND, "broken")
                assert words in near.sets()[SECOND]["reason"]
    with Duo(tmp_path / "duo") as duo:
        duo.fallback_table = lambda: '[[models.fallbacks]]\nprofile = "ollama-remote"\nvariables = { url = "https://far.lan" }\n'
        duo.write(duo.models)
        told = corral(duo, "reload")
        assert told.returncode != 0 and "TLS" in told.stdout + told.stderr


def test_bad_requests_take_the_only_server_from_nobody_and_its_absence_is_told_truly(tmp_path):
    quick = '[models.restart]\nfirst_backoff = "20ms"\nmax_backoff = "100ms"\n'
    with Box(tmp_path / "there", {"directives": True}, model=quick) as there:
        with Elsewhere(tmp_path / "here", there, 'family = "qwen2.5"') as here:
            for number in range(3):
                assert here.chat(f"[[die=1]] [[never_end]] bad {number}").status >= 400
                assert here.say("[[text=good]] for others") == "good"
            there.stop()
            refused = here.chat("x")
            assert refused.status == 503 and "is unavailable" in refused.json["error"], refused.body
            assert 1 <= int(refused.headers["Retry-After"]) <= 6 and "start" not in refused.json["error"], refused.body


def test_what_another_corral_refuses_is_refused_alike_and_not_asked_again(tmp_path):
    wanted = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    with Box(tmp_path / "there", {"directives": True}) as there, Elsewhere(tmp_path / "here", there, 'family = "qwen2.5"') as here:
        for box in (there, here):
            before = len(there.runs())
            missed = box.chat("[[text=no]]", format=wanted)
            assert missed.status == 422 and "does not match the requested format after 3 tries" in missed.json["error"], missed.body
            assert len(there.runs()) == before + 3
            long = box.chat("word " * 6000, truncate=False)
            assert long.status == 400 and "longer than the context length" in long.json["error"], long.body
        assert here.say("[[text=good]] for others") == "good"


def test_a_key_that_can_not_be_read_is_the_operators_business(tmp_path):
    key = tmp_path / "there.key"
    key.write_text("a key\n")
    with Box(tmp_path / "there", {"directives": True}) as there:
        with Elsewhere(tmp_path / "here", there, 'family = "qwen2.5"', f'key_file = "{key}"') as here:
            assert here.say("[[text=good]]") == "good"
            key.unlink()
            refused = here.chat("x")
            assert refused.status == 503 and "is unavailable" in refused.json["error"], refused.body
            assert str(key) not in refused.json["error"]
            wait_until(lambda: str(key) in here.log(), 40, "the log says which file it is")
            key.write_text("a key\n")
            wait_until(lambda: here.chat("x").status == 200, 40, "and it serves again")


def test_a_remote_first_tier_that_goes_costs_no_request(tmp_path):
    with Box(tmp_path / "first", {"directives": True}) as first, Box(tmp_path / "second", {"directives": True}) as second:
        behind = f'[[models.fallbacks]]\nprofile = "ollama-remote"\nvariables = {{ url = "http://127.0.0.1:{second.port}" }}'
        with Elsewhere(tmp_path / "here", first, 'family = "qwen2.5"\nfailback_after = "1s"', behind) as here:
            wait_until(lambda: here.chat("x").headers["Corral-Tier"] == "0", 40, "the first tier serves")
            first.stop()
            for number in range(3):
                reply = here.chat(f"[[text=served {number}]]")
                assert reply.status == 200 and reply.headers["Corral-Tier"] == "1", (reply.headers, reply.body)
