"""The answer of a job makes way for a person in its midst, and is whole nevertheless."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

from admin_cli import corral, model_of
from client import Stream
from farm import Farm
from harness import MODEL, Box, wait_until

WORDS = "".join(f"word {number} of a long report, " for number in range(40)).strip()
JOB = [{"role": "system", "content": "You write reports."}, {"role": "user", "content": f"[[text={WORDS}]]"}]
SLOW = {"directives": True, "timing": {"tokens_per_second": 80}}


def job(box, messages=None, **more):
    connection = box.connect()
    body = {"model": MODEL, "messages": messages or JOB, **more}
    connection.request("POST", "/api/chat", json.dumps(body), {**box.headers, "X-Corral-Priority": "batch"})
    return Stream(connection, connection.getresponse())


def kinds_of(box):
    """The runs in their order, without the box's own."""
    return ["person" if "person" in run["kv_text"] else "job" for run in box.runs() if "[[text=" in run["kv_text"]]


def test_a_job_makes_way_for_a_person_and_goes_on_from_its_own_text(tmp_path):
    with Box(tmp_path, SLOW) as box:
        lines, text, asked = [], "", 0
        for line in job(box):
            lines.append(line)
            text += line["message"]["content"]
            if len(text) > 100 * (asked + 1) and asked < 3:
                asked += 1
                assert box.say(f"[[text=yes]] person {asked}") == "yes"
                assert not line["done"]
        assert text == WORDS
        assert [line["done"] for line in lines].count(True) == 1 and lines[-1]["done_reason"] == "stop"
        kinds = kinds_of(box)
        assert kinds == ["job", "person"] * 3 + ["job"], kinds
        # The client is told of one answer: its prompt, and the tokens of all parts.
        alone = box.chat(JOB).json
        assert lines[-1]["prompt_eval_count"] == alone["prompt_eval_count"]
        assert abs(lines[-1]["eval_count"] - alone["eval_count"]) <= 3 * asked, "tokens at the seams"
        assert alone["message"]["content"] == WORDS


def test_a_person_who_can_t_wait_for_the_end_of_a_job_is_not_refused_for_it(tmp_path):
    with Box(tmp_path, SLOW) as box:
        alone = box.say(JOB)  # seconds: what a lease takes here
        text, person = "", None
        for line in job(box):
            text += line["message"]["content"]
            if person is None and len(text) > 100:
                person = box.request("POST", "/api/chat", {"model": MODEL, "messages": [{"role": "user", "content": "[[text=yes]]"}],
                                                           "stream": False}, {"X-Request-Timeout": "3s"})
        assert person.status == 200 and person.json["message"]["content"] == "yes", person.body
        assert text == alone


def test_a_person_who_can_t_wait_for_a_job_to_begin_is_told_so_at_once(tmp_path):
    with Box(tmp_path, {"directives": True, "timing": {"prefill_ms_per_chunk": 500}}) as box:
        list(job(box))  # so long its prompt takes
        with ThreadPoolExecutor(1) as jobs:
            # Another prompt, of which nothing is computed.
            lines = jobs.submit(lambda: list(job(box, JOB[1:])))
            wait_until(lambda: model_of(box)["queue"]["running"] == 1, what="the job runs")
            person = box.request("POST", "/api/chat", {"model": MODEL, "messages": [{"role": "user", "content": "[[text=yes]]"}],
                                                       "stream": False}, {"X-Request-Timeout": "1s"})
            assert person.status == 503 and "turn would come in about" in person.json["error"], person.body
            assert "".join(line["message"]["content"] for line in lines.result()) == WORDS


def test_a_job_that_has_thought_does_not_think_again(tmp_path):
    thoughts = r"<think>\nfirst this, then that\n</think>\n\n"
    messages = [{"role": "user", "content": f"[[text={thoughts}{WORDS}]]"}]
    scenario = {**SLOW, "tokenizer": {"family": "qwen3", "no_think": False}}
    with Box(tmp_path, scenario, model='capabilities = ["completion", "thinking"]\n', family="qwen3") as box:
        text, thinking, asked = "", "", False
        for line in job(box, messages, think=True):
            text += line["message"]["content"]
            thinking += line["message"].get("thinking", "")
            if len(text) > 200 and not asked:
                asked = True
                assert box.chat([{"role": "user", "content": "[[text=yes]] person"}], think=False).status == 200
                assert not line["done"]
        assert (text, thinking.strip()) == (WORDS, "first this, then that")


def test_an_answer_that_is_judged_as_a_whole_is_not_interrupted(tmp_path):
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    value = json.dumps({"a": "x" * 200})
    messages = [{"role": "user", "content": f"[[text={value}]]"}]
    with Box(tmp_path, SLOW) as box:
        with ThreadPoolExecutor(1) as persons:
            answer = persons.submit(lambda: "".join(line["message"]["content"] for line in job(box, messages, format=schema)))
            wait_until(lambda: model_of(box)["queue"]["running"] == 1, what="the job runs")
            assert box.say("[[text=yes]] person") == "yes"
            assert json.loads(answer.result()) == json.loads(value)
        assert kinds_of(box) == ["job", "person"]


def test_an_answer_to_a_shortened_conversation_is_not_interrupted(tmp_path):
    turns = [{"role": role, "content": f"{number} " + "so on and so forth " * 20} for number in range(60) for role in ("user", "assistant")]
    with Box(tmp_path, SLOW) as box:
        text = ""
        with ThreadPoolExecutor(1) as persons:
            answer = None
            for line in job(box, [*turns, JOB[-1]]):
                text += line["message"]["content"]
                answer = answer or persons.submit(box.say, "[[text=yes]] person")
            assert text == WORDS and answer.result() == "yes"
        assert kinds_of(box) == ["job", "person"]


def test_no_token_more_than_was_asked_for_and_none_counted_twice(tmp_path):
    with Box(tmp_path, SLOW) as box, ThreadPoolExecutor(8) as persons:
        for most in range(61, 67):
            alone = box.chat(JOB, {"num_predict": most}).json["message"]["content"]
            text, answers = "", []
            for line in job(box, options={"num_predict": most}):
                text += line["message"]["content"]
                if len(text) > (60, len(alone) - 5, 10**6)[len(answers)]:
                    answers.append(persons.submit(box.say, "[[text=yes]] person"))
            assert (text, line["eval_count"]) == (alone, most)
            assert [answer.result() for answer in answers] == ["yes"] * len(answers)


def long_person(box, persons):
    """Somebody whose answer takes its time, and for whom the job has made way."""
    answer = persons.submit(box.say, f"[[text={WORDS}]] person")
    box.logged("gives way to somebody")
    return answer


def test_a_model_that_was_changed_meanwhile_does_not_begin_the_answer_once_more(tmp_path):
    with Box(tmp_path, SLOW) as box, ThreadPoolExecutor(2) as persons:
        text, last, answer = "", None, None
        for line in job(box):
            last = line
            text += line.get("message", {}).get("content", "")
            if answer is None and len(text) > 100:
                answer = long_person(box, persons)
                box.config_file.write_text(box.config_file.read_text().replace('family = "qwen2.5"', 'family = "qwen2.5"\noversize = "refuse"'))
                assert corral(box, "reload").returncode == 0
        assert answer.result() == WORDS
        assert WORDS.startswith(text.partition("\n\n[")[0]) and "word for word" in last["error"], last
        # Of one that has nothing of it yet the answer is made anew.
        whole = persons.submit(lambda: "".join(line["message"]["content"] for line in job(box, stream=False)))
        wait_until(lambda: model_of(box)["queue"]["running"] == 1, what="the job runs")
        wait_until(lambda: box.runtime_state()["phase"] == "decode", what="it writes")
        mark = box.log().count("gives way to somebody")
        answer = persons.submit(box.say, f"[[text={WORDS}]] person")
        wait_until(lambda: box.log().count("gives way to somebody") > mark, what="the job makes way")
        box.config_file.write_text(box.config_file.read_text().replace('oversize = "refuse"', 'oversize = "fit"'))
        assert corral(box, "reload").returncode == 0
        assert (answer.result(), whole.result()) == (WORDS, WORDS)


def test_a_runtime_that_died_in_a_later_part_has_the_whole_made_anew(tmp_path):
    messages = [{"role": "user", "content": rf"[[text=<think>\nfirst this\n</think>\n\n{WORDS}]]"}]
    scenario = {**SLOW, "tokenizer": {"family": "qwen3", "no_think": False}}
    with Box(tmp_path, scenario, model='capabilities = ["completion", "thinking"]\n', family="qwen3") as box, ThreadPoolExecutor(2) as persons:
        ask = lambda: next(iter(job(box, messages, think=True, stream=False)))
        alone = ask()
        answer = persons.submit(ask)
        wait_until(lambda: box.runtime_state()["phase"] == "decode", what="it writes")
        person = persons.submit(lambda: box.chat([{"role": "user", "content": "[[text=yes]] person"}], think=False))
        box.logged("gives way to somebody")
        assert person.result().status == 200
        wait_until(lambda: box.runtime_state()["phase"] == "decode", what="it goes on")
        box.kill("runtime")
        same = lambda of: (of["message"]["content"], of["message"]["thinking"], of["eval_count"], of["prompt_eval_count"])
        assert same(answer.result()) == same(alone)


def two_on_one_card(tmp_path, **timing):
    return Farm(tmp_path, {name: {"mib": 5000} for name in ("alpha", "beta")},
                head='[swap]\npatience = "1s"\npatience_ceiling = "1s"\n', timing={"tokens_per_second": 80, **timing})


def whole(farm, **more):
    """The answer of a job on alpha, and when it was there."""
    lines = list(job(farm, model="alpha", **more))
    assert lines[-1]["done"], lines[-1]
    return "".join(line["message"]["content"] for line in lines), time.monotonic()


def beta(farm):
    assert farm.who("beta") == "beta"
    return time.monotonic()


def writes(farm):
    wait_until(lambda: model_of(farm, "alpha:latest")["queue"]["running"] == 1, what="the job runs")


def test_a_job_makes_way_for_a_person_who_asks_another_model_on_its_card(tmp_path):
    with two_on_one_card(tmp_path) as farm, ThreadPoolExecutor(4) as clients:
        assert farm.who("beta") == "beta" and farm.who("alpha") == "alpha"
        jobs = [clients.submit(whole, farm) for _ in range(3)]
        writes(farm)
        answered = beta(farm)
        ends = [each.result() for each in jobs]
        assert [text for text, _ in ends] == [WORDS] * 3
        assert answered < min(at for _, at in ends), "before the one that ran, and those that waited before"
        assert farm.log().count("gives way to somebody") == 1


def test_jobs_are_done_however_many_people_ask_another_model_on_their_card(tmp_path):
    with two_on_one_card(tmp_path) as farm, ThreadPoolExecutor(4) as clients:
        assert farm.who("alpha") == "alpha"
        jobs = [clients.submit(whole, farm) for _ in range(2)]
        people = 0
        while not all(each.done() for each in jobs):
            beta(farm)
            people += 1
        assert [each.result()[0] for each in jobs] == [WORDS] * 2
        assert people > 1 and farm.swaps() < 2 * people + 8, "a time slice for each of both, and not a piece"


def test_a_job_that_ends_sooner_than_both_models_are_loaded_is_not_interrupted(tmp_path):
    with two_on_one_card(tmp_path, load_ms=3000) as farm, ThreadPoolExecutor(1) as clients:
        assert farm.who("beta") == "beta" and farm.who("alpha") == "alpha"
        running = clients.submit(whole, farm, options={"num_predict": 200})
        writes(farm)
        answered = beta(farm)
        assert running.result()[1] < answered and "gives way to somebody" not in farm.log()
