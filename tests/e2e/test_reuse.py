"""A further turn goes behind what the runtime holds, once the box has compared it with a computation anew."""

import pytest

from admin_cli import model_of
from harness import Box, compares_soon, wait_until

PROVED = r"This box answered the same behind its cache as anew, on \d{4}-\d\d-\d\d"


def rendered(messages):
    text = "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in messages)
    return text + "<|im_start|>assistant\n"


def talk(box, turns):
    """The records of the runs of one conversation."""
    messages = [{"role": "system", "content": "You are the harbour clerk."}]
    records = []
    for number in range(1, turns + 1):
        messages.append({"role": "user", "content": f"[[text=Answer {number}, in a few words.]] question {number}"})
        answer = box.say(messages)
        run = box.runs()[-1]
        assert run["kv_text"] == rendered(messages)
        records.append(run)
        messages.append({"role": "assistant", "content": answer})
    return records


def config(state):
    return f'state_directory = "{state}"'


def test_a_conversation_pays_for_its_new_words_only(tmp_path):
    state = tmp_path / "state"
    with Box(tmp_path, {"directives": True}, config=config(state), model=compares_soon("")) as box:
        box.logged(PROVED, timeout=30)
        records = talk(box, 6)
        assert [run["P"] > 0 for run in records] == [False] + [True] * 5, records
        assert all(run["diff_tokens"] < 60 for run in records[1:]), [run["diff_tokens"] for run in records]
        assert len(list((state / "services").glob("reuse-*.json"))) == 1


def test_the_comparison_is_made_once(tmp_path):
    with Box(tmp_path, {"directives": True}, config=config(tmp_path / "state"), model=compares_soon("")) as box:
        box.logged(PROVED, timeout=30)
        assert box.stop() == 0
        box.start()
        box.say([{"role": "user", "content": "The kept result is read while this is answered, or behind it."}])
        wait_until(lambda: model_of(box)["reuse"]["state"] == "on", what="the kept result is read")
        records = talk(box, 3)
        assert [run["P"] > 0 for run in records] == [False, True, True]
        assert box.log().count("answered the same") == 1


def test_nothing_goes_behind_the_cache_where_the_box_answers_otherwise(tmp_path):
    scenario = {"directives": True, "faults": {"decode_differs": True}}
    with Box(tmp_path, scenario, config=config(tmp_path / "state"), model=compares_soon("")) as box:
        box.logged(r"Token 2 of further turn 1 was \d+ behind the cache and \d+ anew", timeout=30)
        records = talk(box, 3)
        assert [run["output"] for run in records] == [f"Answer {n}, in a few words." for n in (1, 2, 3)]
        assert records[2]["diff_tokens"] > records[1]["diff_tokens"] > records[0]["diff_tokens"]
        seen = model_of(box)["reuse"]
        assert seen["state"] == "off" and "Token 2 of further turn 1" in seen["why"], seen


def test_nothing_goes_behind_an_answer_in_whose_midst_the_device_failed(tmp_path):
    with Box(tmp_path, {"directives": True}, config=config(tmp_path / "state"), model=compares_soon("")) as box:
        box.logged(PROVED, timeout=30)
        messages = [{"role": "user", "content": "[[n=24]] of many words"}]
        box.fault("runtime", "engine_error", after=12, calls=1)
        messages.append({"role": "assistant", "content": box.say(messages)})
        box.fault("runtime", "engine_error", False)
        messages.append({"role": "user", "content": "[[n=2]] more"})
        assert box.say(messages) == " one two"
        run = box.runs()[-1]
        assert run["P"] == 0 and run["kv_text"].endswith(rendered(messages))


def test_an_answer_that_its_client_leaves_is_stopped_at_once(tmp_path):
    """With the next piece of it the cache would be whole, and begin no prompt of anybody's."""
    with Box(tmp_path, {"directives": True}, config=config(tmp_path / "state"), model=compares_soon("")) as box:
        box.logged(PROVED, timeout=30)
        box.control("runtime", cmd="set", timing={"tokens_per_second": 5})
        made = []
        for number in range(4):
            stream = box.stream(f"[[n=40]] {number}")
            next(iter(stream))
            stream.close()
            made.append(box.runs()[-1]["output_tokens"])
        assert any(tokens % 3 for tokens in made), f"{made}: never in the midst of a piece"


def test_nothing_goes_behind_the_cache_where_the_model_says_so(tmp_path):
    with Box(tmp_path, {"directives": True}, model=compares_soon('reuse = "off"\n')) as box:
        records = talk(box, 3)
        assert all(run["P"] > 0 for run in records), "the system prompt goes through the reset"
        assert records[2]["diff_tokens"] > records[1]["diff_tokens"] > records[0]["diff_tokens"]
        assert "answered the same" not in box.log()


def test_requests_run_at_once_before_the_comparison(tmp_path):
    with Box(tmp_path, {"directives": True}) as box:  # that is never idle for long enough
        records = talk(box, 3)
        assert all(run["P"] > 0 for run in records)
        seen = model_of(box)["reuse"]
        assert seen["state"] == "off" and "not been compared on this box yet" in seen["why"], seen


def test_the_file_of_a_package_that_is_gone_goes_too(tmp_path):
    state = tmp_path / "state"
    (state / "services").mkdir(parents=True, mode=0o700)
    state.chmod(0o700)
    gone = state / "services" / "reuse-0123456789abcdef.json"
    gone.write_text('{"equal": true, "why": "The same.", "package": "/nowhere/at/all", "version": "1"}')
    gone.chmod(0o600)
    other = state / "services" / "reuse-notes.json"
    other.write_text("{}")
    with Box(tmp_path, {"directives": True}, config=config(state), model=compares_soon("")) as box:
        box.logged(PROVED, timeout=30)
        assert not gone.exists() and other.exists()


class Forbidden(Box):
    """A box whose package appends /no_think, as nearly all do; nobody tells it so."""

    def config_text(self, *args):
        return super().config_text(*args).replace("package_forbids_thinking = false\n", "package_forbids_thinking = true\n")


BLOCK = "<think>\n\n</think>\n\n"


def as_written(messages):
    text = "".join(f"<|im_start|>{m['role']}\n{BLOCK if m['role'] == 'assistant' else ''}{m['content']}<|im_end|>\n" for m in messages)
    return text + "<|im_start|>assistant\n" + BLOCK


def test_the_tenth_turn_of_a_package_that_forbids_thinking_costs_what_the_first_does(tmp_path):
    with Forbidden(tmp_path, {"directives": True}, model=compares_soon(""), family="qwen3") as box:
        box.logged(PROVED, timeout=30)
        messages = [{"role": "system", "content": "You are the harbour clerk."}]
        for turn in range(1, 11):
            messages.append({"role": "user", "content": f"[[text=Answer {turn}, in a few words.]] question {turn:2}"})
            answer = box.say(messages)
            run = box.runs()[-1]
            assert run["kv_text"] == as_written(messages)
            assert run["diff_tokens"] <= 128 and (run["P"] > 0) == (turn > 1), "one chunk each"
            messages.append({"role": "assistant", "content": answer})
        # What is not what was written is computed anew, and right.
        messages[-1]["content"] = messages[-1]["content"].rstrip(".")
        messages.append({"role": "user", "content": "[[text=Yes.]] trimmed?"})
        assert box.say(messages) == "Yes."
        run = box.runs()[-1]
        assert run["P"] == 0 and run["kv_text"] == as_written(messages)


def test_no_client_waits_for_itself(tmp_path):
    """A question, a further one, the same again, another question: an idle runtime answers each at once."""
    with Box(tmp_path, {"directives": True}, model=compares_soon("")) as box:
        box.logged(PROVED, timeout=30)
        for number in range(4):
            first = [{"role": "user", "content": f"[[text=yes]] question {number}"}]
            second = [*first, {"role": "assistant", "content": "yes"}, {"role": "user", "content": "[[text=no]] and then"}]
            for messages in (first, second, second, [{"role": "user", "content": "[[text=title]] write a title"}]):
                # Its client has the answer before the runtime is seen to be idle, a moment that a busy machine stretches.
                wait_until(lambda: box.get("/readyz").json["queue"]["running"] == 0, what="the lease is back")
                reply = box.request("POST", "/api/chat", {"model": "sim", "messages": messages, "stream": False})
                assert reply.status == 200 and "Corral-Queue-Position" not in reply.headers, box.log()
        assert model_of(box)["reuse"]["continued"] == 4


CHATS = [
    # family, script, think, what the model writes, the form of its history, whether the further turns are continued
    ("qwen3", {"family": "qwen3", "no_think": False}, True, r"<think>\nhm\n</think>\n\nanswer {}", None, False),
    ("qwen3", {"family": "qwen3", "no_think": False}, True, r"<think>\nhm\n</think>\n\nanswer {}", "as-written", True),
    ("qwen3", {"family": "qwen3", "no_think": False}, True, "answer {}", None, True),
    ("qwen3", {"family": "qwen3", "no_think": False}, False, "answer {}", None, False),
    ("qwen3", {"family": "qwen3", "no_think": False}, False, "answer {}", "as-written", True),
    ("qwen3", {"family": "qwen3"}, None, "answer {}", None, True),
    ("qwen3", {"family": "qwen3"}, None, "answer {}", "template", False),
    ("qwen2.5", {"family": "qwen2.5"}, None, "answer {}", None, True),
]


@pytest.mark.parametrize(("family", "script", "think", "says", "history", "continued"), CHATS,
                         ids=["thinks", "thoughts_kept", "no_thoughts", "thinking_off", "thinking_off_kept", "package_forbids",
                              "package_forbids_template", "cannot_think"])
def test_how_many_turns_of_a_chat_match(tmp_path, family, script, think, says, history, continued):
    """Where a template leaves thoughts out, or writes into the last turn alone (docs/polled_cycle.md#history)."""
    lines = 'capabilities = ["completion", "thinking"]\n' if think is not None else ""
    lines += f'history = "{history}"\n' if history else ""
    kind = Box if think is not None or family == "qwen2.5" else Forbidden
    with kind(tmp_path, {"directives": True, "tokenizer": script}, model=compares_soon(lines), family=family) as box:
        box.logged(PROVED, timeout=30)
        turns, starts, more = 8, [], {} if think is None else {"think": think}
        messages = []
        for number in range(turns):
            messages.append({"role": "user", "content": f"[[text={says.format(number)}]] and so on"})
            answer = box.chat(messages, **more).json["message"]
            assert answer["content"] == f"answer {number}"
            assert bool(answer.get("thinking")) == (r"\n" in says)
            starts.append(box.runs()[-1]["P"] > 0)
            messages.append(answer)
        print(f"{family} {script} think {think} {history}: {starts[1:].count(False)} of {turns - 1} further turns computed anew")
        assert starts[1:] == [continued] * (turns - 1)
