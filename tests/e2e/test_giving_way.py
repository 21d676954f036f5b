"""The answer of a job makes way for a person in its midst, and is whole nevertheless."""

import json
from concurrent.futures import ThreadPoolExecutor

from admin_cli import model_of
from client import Stream
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
