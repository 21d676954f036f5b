"""While nobody waits, the box computes what the next prompt begins with, where that has been seen to pay.

CORRAL_AHEAD_TURNS says how many random turns are compared (1,000 take a quarter of an hour)."""

import os
import random
from concurrent.futures import ThreadPoolExecutor

import pytest

import client_requests
from admin_cli import corral, model_of
from harness import Box, compares_soon, pause, wait_until

PROVED = r"This box answered the same behind its cache as anew"
SYSTEM = {"role": "system", "content": "You are the harbour clerk. " + "Ships come at all hours, and each has its berth. " * 5}
LONG = {"role": "system", "content": SYSTEM["content"] * 3}
CALLS = 'capabilities = ["completion", "thinking", "tools"]\n'
THINKS = 'capabilities = ["completion", "thinking"]\n'
TITLE = ("### Task:\nGenerate a concise, 3-5 word title with an emoji summarizing the chat history.\n### Output:\nJSON format: "
         '{ "title": "your concise title here" }\n### Chat History:\n<chat_history>\nUSER: hello\n</chat_history>')


def thinker(tmp_path, more='ahead = "auto"\n', can=THINKS):
    return Box(tmp_path, {"directives": True, "tokenizer": {"family": "qwen3", "no_think": False}},
               model=compares_soon(can + more), family="qwen3")


def by_template(messages):
    text = "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in messages)
    return text + "<|im_start|>assistant\n"


def ahead_of(box):
    return model_of(box)["reuse"].get("ahead", {"made": 0})


def say(box, messages, number):
    """A turn of a model that thinks; whether it was continued, and how many tokens were computed for it."""
    messages.append({"role": "user", "content": rf"[[text=<think>\nhm\n</think>\n\nanswer {number}]] and so on"})
    answer = box.chat(messages, think=True).json["message"]
    assert answer["content"] == f"answer {number}" and answer["thinking"]
    run = box.runs()[-1]
    assert run["kv_text"] == by_template(messages), "the model reads the same as without"
    messages.append({"role": "assistant", "content": answer["content"]})
    return run["P"] > 0, run["diff_tokens"]


def reads(box, requests):
    """As a person who reads the last answer: until the box computes what may come next."""
    def computes():
        log = box.log()
        return log.count(" outcome=") == requests and log.rfind("are computed ahead") > log.rfind(" outcome=")

    wait_until(computes, timeout=20, what="something is computed ahead")


def test_the_history_of_a_model_that_thinks_is_ready_when_its_user_has_read_the_answer(tmp_path):
    with thinker(tmp_path) as box:
        box.logged(PROVED, timeout=30)
        messages, turns = [SYSTEM], []
        for number in range(8):
            turns.append(say(box, messages, number))
            if number >= 2:  # two further turns have shown that it pays
                reads(box, number + 1)
        assert [continued for continued, _ in turns] == [False] * 3 + [True] * 5, turns
        assert all(tokens < 100 for _, tokens in turns[3:]), turns
        seen = model_of(box)["reuse"]
        assert seen["ahead"]["hits"] == 5 and seen["ahead"]["seconds_saved"] > 0 and seen["mistaken"] == 0, seen
        # A title in between takes the cache; the conversation is computed once more.
        assert box.chat([{"role": "user", "content": TITLE}]).status == 200
        reads(box, 9)
        assert say(box, messages, 8)[0]
        # Another question in place of the last is another prompt, and right.
        del messages[-2:]
        say(box, messages, 9)
        metrics = box.request("GET", "/metrics").body
        assert b"corral_ahead_hits_total{" in metrics


def test_what_short_requests_have_in_common_is_ready(tmp_path):
    with Box(tmp_path, {"directives": True}, model=compares_soon('ahead = "auto"\n')) as box:
        box.logged(PROVED, timeout=30)
        continued = []
        for number in range(6):
            messages = [LONG, {"role": "user", "content": f"[[text=done]] command {number}"}]
            assert box.say(messages) == "done"
            run = box.runs()[-1]
            assert run["kv_text"] == by_template(messages)
            continued.append(run["P"] > 0)
            if number >= 2:
                reads(box, number + 1)
        assert continued == [False] * 3 + [True] * 3


def asks_by_tools(box, sends_thoughts, waits):
    """An agent whose tool is asked for nine times; of each run what the model read, and whether that was computed but for the result."""
    call = lambda step: rf'[[text=<think>\nwhere {step}\n</think>\n\n<tool_call>\n{{"name": "tides", "arguments": {{"where": "Port {step}"}}}}\n</tool_call>]]'
    tools = [client_requests.tool("tides", ["where"], "Tells the tides of a place.")]
    messages, out = [SYSTEM, {"role": "user", "content": "When can we sail? " + call(0)}], []
    for step in range(9):
        answer = box.chat(messages, think=True, tools=tools).json["message"]
        assert answer["tool_calls"][0]["function"]["arguments"] == {"where": f"Port {step}"}
        assert answer["thinking"] == f"where {step}"
        run = box.runs()[-1]
        out.append((run["kv_text"], run["P"] > 0 and run["diff_tokens"] < 110))
        if not sends_thoughts:
            del answer["thinking"]
        messages += [answer, {"role": "tool", "tool_name": "tides", "content": f"Result {step}: high at ten " + call(step + 1)}]
        # As a tool that runs for a moment: where the next request waits already, nothing is foretold.
        wait_until(lambda: box.log().count(" outcome=") == step + 1, timeout=20, what="the request's line in the log")
        # Of six turns five were foretold by an earlier answer: that promises more than what all of them share.
        if waits and step >= 6:
            reads(box, step + 1)
    return [text for text, _ in out], [continued for _, continued in out]


def test_what_a_tool_s_result_stands_behind_is_ready_when_the_tool_has_run(tmp_path):
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    with thinker(tmp_path / "with", 'ahead = "auto"\n', CALLS) as box:
        box.logged(PROVED, timeout=30)
        read, continued = asks_by_tools(box, False, True)
        assert continued[-2:] == [True, True], continued
        # The runtime has a run's end before the box counts it.
        wait_until(lambda: ahead_of(box)["made"] >= 3, 10, "the last prompt computed ahead is counted")
        assert ahead_of(box)["hits"] >= 2 and model_of(box)["reuse"]["mistaken"] == 0
    with thinker(tmp_path / "without", 'ahead = "off"\n', CALLS) as box:
        box.logged(PROVED, timeout=30)
        assert asks_by_tools(box, False, False) == (read, [False] * 9), "the model reads the same as without"


def random_turns(box, waits):
    """What the model read in the turns of two conversations, continued, asked again, edited and titled at random, and what it said."""
    dice, talks, out = random.Random(35), [[SYSTEM], [LONG]], []
    for number in range(int(os.environ.get("CORRAL_AHEAD_TURNS", "40"))):
        messages, kind, pauses = talks[dice.random() < 0.2], dice.random(), dice.random() < 0.7
        if kind < 0.1 and len(messages) > 2:
            del messages[-1]
            messages[-1]["content"] += "?" if kind < 0.05 else ""
        elif kind < 0.15:
            del messages[1:]
        if messages[-1]["role"] != "user":
            question = rf"[[text=<think>\nhm {number}\n</think>\n\nanswer {number}]] and " + "so on " * dice.randrange(30)
            messages.append({"role": "user", "content": question})
        asked = [{"role": "user", "content": TITLE}] if kind > 0.95 else messages
        answer = box.chat(asked, think=asked is messages).json["message"]
        run = box.runs()[-1]
        out.append((run["kv_ids"], answer["content"]))
        if asked is messages:
            messages.append({"role": "assistant", "content": answer["content"]})
        if waits and pauses:
            pause.wait(0.5)  # as one who reads
    return out


def test_the_model_reads_the_same_ids_with_and_without(tmp_path):
    said, seen = [], {}
    for ahead in ("auto", "off"):
        folder = tmp_path / ahead
        folder.mkdir()
        with thinker(folder, f'ahead = "{ahead}"\n') as box:
            box.logged(PROVED, timeout=30)
            said.append(random_turns(box, ahead == "auto"))
            seen[ahead] = ahead_of(box)
            assert model_of(box)["reuse"]["mistaken"] == 0
    assert seen["auto"]["hits"] >= 3 and seen["off"]["made"] == 0, seen
    for number, (with_it, without) in enumerate(zip(*said, strict=True)):
        assert with_it == without, f"turn {number}"


def test_a_client_that_sends_the_thoughts_before_a_call_keeps_the_cache_it_has(tmp_path):
    with thinker(tmp_path, 'ahead = "auto"\n', CALLS) as box:
        box.logged(PROVED, timeout=30)
        assert asks_by_tools(box, True, False)[1] == [False] + [True] * 8
        pause.wait(1.5)  # as a tool that takes its time
        assert ahead_of(box)["made"] == 0


def test_a_conversation_that_the_cache_holds_is_not_given_up_for_its_beginning(tmp_path):
    with Box(tmp_path, {"directives": True}, model=compares_soon('ahead = "auto"\n')) as box:
        box.logged(PROVED, timeout=30)
        messages, continued = [LONG], []
        for number in range(6):
            messages.append({"role": "user", "content": f"[[text=answer {number}]] and so on"})
            messages.append({"role": "assistant", "content": box.say(messages)})
            continued.append(box.runs()[-1]["P"])
            pause.wait(1.0)  # as one who reads
        assert ahead_of(box)["made"] == 0, continued
        assert continued[0] == 0 and continued[1:] == sorted(set(continued[1:])), "behind all that was said"


def test_a_clock_in_front_of_the_instructions_costs_a_line(tmp_path):
    with Box(tmp_path, {"directives": True}, model=compares_soon('ahead = "auto"\nmoving_lines = "last"\n')) as box:
        box.logged(PROVED, timeout=30)
        continued = []
        for number in range(13):
            clock = f"Current time is 12:{number:02}."
            messages = [{"role": "system", "content": clock + "\n" + LONG["content"]}, {"role": "user", "content": "[[text=done]] lamp on"}]
            reply = box.chat(messages)
            assert reply.json["message"]["content"] == "done"
            run = box.runs()[-1]
            if number > 0:
                assert reply.headers["Corral-Moved-Lines"] == "1"
                messages = [LONG, {"role": "user", "content": clock + "\n\n[[text=done]] lamp on"}]
            assert run["kv_text"] == by_template(messages)
            continued.append(run["P"] > 0)
            if number >= 9:  # the first, which had nothing moved, counts no more
                reads(box, number + 1)
        assert continued[:3] == [False] * 3 and continued[10:] == [True] * 3, continued


def test_a_runtime_that_dies_of_it_under_a_client_is_not_asked_a_third_time(tmp_path):
    with thinker(tmp_path) as box, ThreadPoolExecutor(1) as clients:
        box.logged(PROVED, timeout=30)
        box.control("runtime", cmd="set", timing={"prefill_ms_per_chunk": 300})
        messages = [LONG]
        for number in range(3):
            say(box, messages, number)
        for number in range(3, 5):
            reads(box, number)
            answer = clients.submit(say, box, messages, number)
            wait_until(lambda: model_of(box)["queue"]["running"] == 1, what="a client waits for its end")
            box.kill("runtime")
            answer.result()  # right, and blamed for nothing
            box.control("runtime", cmd="set", timing={"prefill_ms_per_chunk": 300})
        assert "while the request ran" not in box.log() and "quarantine" not in box.log()
        for number in range(5, 8):
            say(box, messages, number)
        pause.wait(1.5)  # as one who reads
        assert box.log().count("are computed ahead") == 2 and model_of(box)["state"] == "ready"


def test_an_unload_that_waited_for_it_counts_as_others_do(tmp_path):
    with thinker(tmp_path) as box:
        box.logged(PROVED, timeout=30)
        box.control("runtime", cmd="set", timing={"prefill_ms_per_chunk": 300})
        messages = [LONG]
        for number in range(3):
            say(box, messages, number)
        reads(box, 3)
        assert corral(box, "stop", "sim").returncode == 0
        assert ahead_of(box)["seconds_others_waited"] > 0.1, "another model may have wanted the card"


@pytest.mark.parametrize("line", ['ahead = "off"\n', 'ahead = "auto"\nreuse = "off"\n'], ids=["ahead", "reuse"])
def test_nothing_is_computed_ahead_where_the_model_says_so(tmp_path, line):
    with thinker(tmp_path, line) as box:
        messages = [SYSTEM]
        for number in range(4):
            say(box, messages, number)
            pause.wait(1.0)
        assert ahead_of(box)["made"] == 0
