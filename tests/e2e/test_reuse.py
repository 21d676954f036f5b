"""A further turn goes behind what the runtime holds, once the box has compared it with a computation anew."""

from harness import Box

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
    with Box(tmp_path, {"directives": True}, config=config(state), model='reuse = "auto"') as box:
        box.logged(PROVED, timeout=30)
        records = talk(box, 6)
        assert [run["P"] > 0 for run in records] == [False] + [True] * 5, records
        assert all(run["diff_tokens"] < 60 for run in records[1:]), [run["diff_tokens"] for run in records]
        assert len(list((state / "services").glob("reuse-*.json"))) == 1


def test_the_comparison_is_made_once(tmp_path):
    with Box(tmp_path, {"directives": True}, config=config(tmp_path / "state"), model='reuse = "auto"') as box:
        box.logged(PROVED, timeout=30)
        assert box.stop() == 0
        box.start()
        box.say([{"role": "user", "content": "The kept result is read while this is answered."}])
        records = talk(box, 3)
        assert [run["P"] > 0 for run in records] == [False, True, True]
        assert box.log().count("answered the same") == 1


def test_nothing_goes_behind_the_cache_unless_the_model_says_so(tmp_path):
    with Box(tmp_path, {"directives": True}) as box:
        records = talk(box, 3)
        assert all(run["P"] > 0 for run in records), "the system text goes through the reset"
        assert records[2]["diff_tokens"] > records[1]["diff_tokens"] > records[0]["diff_tokens"]
        assert "answered the same" not in box.log()
