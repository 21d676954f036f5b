"""Going on behind what a runtime holds: whatever users do between two turns, each answer is computed from exactly the conversation that was
sent, and a runtime that is reset before each turn gives the same texts.

CORRAL_REUSE_TURNS says how many random turns are played (10,000 for a night). Run as a program it prints the table of prefill runs and of
times to the first text for the turns of one conversation: test_prefix_reuse.py [milliseconds of a prefill run]."""

import json
import math
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

from admin_cli import model_of
from harness import BIN, MODEL, Box, compares_soon, pause, wait_until
from keyed_box import bearer, new_key
from test_statelessness import rendered

TURNS = int(os.environ.get("CORRAL_REUSE_TURNS", "120"))
CHUNK = 128
LONGEST = 6  # turns of a conversation, so that none has to be cut to fit
QUICK = {"load_ms": 20, "prefill_ms_per_chunk": 2, "tokens_per_second": 3000}
SYSTEMS = ["You are a clerk.", "You are a clerk.", "Be brief.", "Answer in " + "many plain words, " * 12 + "please."]


def knows_reuse(folder):
    """Whether this program has the key `reuse`; one that has not resets before each turn."""
    file = folder / "probe.toml"
    file.write_text('[[models]]\nname = "m"\nreuse = "off"\n')
    said = subprocess.run([BIN / "corral", "check", "--no-files", file], capture_output=True, text=True)
    return "unknown key 'reuse'" not in said.stdout + said.stderr


class ReuseBox(Box):
    """A box with the keys of two users, that continues or not."""

    def __init__(self, folder, reuse, scenario=None, model="", profile="axera-poll"):
        folder.mkdir(parents=True, exist_ok=True)
        line = f'reuse = "{reuse}"\n' if reuse and knows_reuse(folder) else ""
        super().__init__(folder, {"directives": True, **(scenario or {})}, config='[access]\nkeys = "keys"\n',
                         model=line + (compares_soon(model) if line and profile == "axera-poll" else model),
                         log_level="info", profile=profile)
        self.users = [bearer(new_key(self, name)) for name in ("anna", "ben")]
        self.headers = self.users[0]

    def continues(self):
        """Whether it goes on behind the cache by now; it proves that to itself first, while it is idle."""
        return model_of(self).get("reuse", {}).get("state", "").startswith("on")

    def record_with(self, ending):
        """What the model read in the last run whose prompt ends so, whatever runs now; None while there is none."""
        last = self.runtime_state()["runs"]
        for back in (3, 12, 40):  # each record is a whole conversation; nearly always it is one of the last
            for run in reversed(self.control("runtime", cmd="runs", since=max(0, last - back))["runs"]):
                if run.get("kv_text", "").endswith(ending):
                    return run["kv_text"]
        return None


def with_reuse_on(box, seconds=30):
    """Lets it prove itself; without that everything is played all the same, only nothing is gained."""
    end = time.monotonic() + (seconds if knows_reuse(box.folder) else 0)
    while not box.continues() and time.monotonic() < end:
        threading.Event().wait(0.2)
    return box.continues()


class User(threading.Thread):
    """One user with several conversations, who asks, leaves, edits and asks again; seeded, so that two boxes meet the same user."""

    def __init__(self, box, number, turns, faults):
        super().__init__()
        self.box, self.number, self.turns, self.faults = box, number, turns, faults
        self.headers = box.users[number % len(box.users)]
        self.dice = random.Random(1000 + number)
        self.talks = {}
        self.asked = 0
        self.texts = []
        self.failure = None

    def run(self):
        try:
            for _ in range(self.turns):
                self.step()
        except BaseException as failure:  # shown by the test that waits for it
            self.failure = failure

    def step(self):
        dice = self.dice
        name = dice.randrange(3)
        if name not in self.talks or len(self.talks[name][1]) >= 2 * LONGEST:
            self.talks[name] = (dice.choice(SYSTEMS), [])
        system, turns = self.talks[name]
        turns = self.edited(turns)
        kind = dice.choices(["say", "leave", "limit", "stop", "side"], [70, 14, 6, 4, 6])[0]
        self.asked += 1
        words = " ".join(dice.choice(["red", "green", "blue", "white", "Gr\u00fcn", "\u7eff"]) for _ in range(dice.randrange(1, 16)))
        mark = f"question {self.asked} of user {self.number}"
        if self.faults and dice.random() < 0.04:
            self.make_fault()
        question = f"[[text={words}]] {mark}"
        if kind == "side":  # a title that the chat program asks for, by the way
            self.ask("Write titles.", [("user", question)], mark, words)
            return
        turns = turns + [("user", question)]
        if kind == "leave":
            self.leave(system, turns)
            # Kept by some clients, with what came of the answer, and dropped by others.
            self.talks[name] = (system, turns[:-1])
            return
        if kind == "limit":
            options = {"num_predict": dice.randrange(1, 14)}
        elif kind == "stop":
            options = {"stop": [dice.choice(["green", "blue", "w"])]}
        else:
            options = {}
        text = self.ask(system, turns, mark, words, options)
        answer = ("assistant", text)
        self.talks[name] = (system, turns + [answer] if text else turns[:-1])

    def edited(self, turns):
        """The history as the client sends it this time."""
        dice = self.dice.random()
        if len(turns) < 2 or dice < 0.8:
            return turns
        if dice < 0.87:
            return turns[:-2]  # the last question is asked anew
        if dice < 0.92:
            return turns[:2 * self.dice.randrange(len(turns) // 2)]
        if dice < 0.96:
            return turns[:-1] + [("assistant", turns[-1][1] + " edited")]
        return turns[2:]  # the oldest turn no longer fits a client's window

    def body(self, system, turns, options=None):
        messages = [{"role": "system", "content": system}] + [{"role": r, "content": c} for r, c in turns]
        return {"model": MODEL, "messages": messages, "options": options or {}}

    def ask(self, system, turns, mark, words, options=None):
        """The text of a whole answer; empty where a fault broke it."""
        pid = self.box.pid_of("runtime") if self.faults else None
        reply = self.box.request("POST", "/api/chat", {**self.body(system, turns, options), "stream": False}, headers=self.headers,
                                 timeout=120)
        if reply.status != 200:
            assert self.faults, reply.body
            return ""
        text = reply.json["message"]["content"]
        if not self.faults or text != "":
            assert words.startswith(text.rstrip()) or text == words, (text, words)
            assert options or text == words or self.faults
        self.check_record(system, turns, mark, pid)
        self.texts.append((mark, text))
        return text

    def check_record(self, system, turns, mark, pid):
        expected = rendered(system, turns)
        ending = f"{mark}<|im_end|>\n<|im_start|>assistant\n"

        def seen():
            if self.faults and self.box.pid_of("runtime") != pid:
                return "the process that knew it is gone"
            return self.box.record_with(ending)

        text = wait_until(seen, 20, f"a run of {mark}")
        assert text == expected or text.startswith("the process"), mark

    def leave(self, system, turns):
        """At any moment: before the turn, in each phase of it, behind some pieces."""
        connection = self.box.connect()
        body = self.body(system, turns)
        last = len(body["messages"]) - 1
        body["messages"][last]["content"] = "[[never_end]] leaves"
        connection.request("POST", "/api/chat", json.dumps(body), {**self.box.headers, **self.headers})
        moment = self.dice.randrange(6)
        if moment == 0:
            connection.close()
            return
        if moment < 4:
            phase = ["encode", "prefill", "decode"][moment - 1]
            if phase == "encode":
                self.box.fault("tokenizer", "slow_reply", "once", route="/encode", ms=20)
            end = time.monotonic() + 0.06  # some phases are too short to be seen
            while time.monotonic() < end and self.box.runtime_state()["phase"] != phase:
                pause.wait(0.001)
            connection.close()
            return
        response = connection.getresponse()
        for _ in range(self.dice.randrange(1, 7)):
            response.readline()
        response.close()
        connection.close()

    def make_fault(self):
        service, name, how = self.dice.choice([
            ("runtime", "encode_failed", {}), ("runtime", "context_full", {}), ("runtime", "stop_lost", {}),
            ("runtime", "early_done", {"ms": 30}), ("runtime", "swallow_reset", {}), ("tokenizer", "forget_uids", {}),
            ("tokenizer", "slow_reply", {"route": "/encode", "ms": 50}), ("tokenizer", "status_reply", {"route": "/encode"}),
            ("runtime", "kill_at", {"phase": "decode", "after": 2}), ("runtime", "kill_at", {"phase": "prefill"}),
        ])
        self.box.fault(service, name, "once", **how)


def play(box, turns, faults, users=2):
    all_users = [User(box, number, turns // users, faults) for number in range(users)]
    for user in all_users:
        user.start()
    for user in all_users:
        user.join()
    for user in all_users:
        if user.failure:
            raise user.failure
    # The last thing that anybody asks is right too.
    assert box.say("[[text=right]] at the end") == "right"
    return [user.texts for user in all_users]


def test_the_same_texts_with_and_without(tmp_path):
    texts = {}
    for reuse in ("off", "auto"):
        with ReuseBox(tmp_path / reuse, reuse, {"timing": QUICK}) as box:
            if reuse == "auto":
                with_reuse_on(box)
            texts[reuse] = play(box, TURNS, faults=False)
    assert texts["off"] == texts["auto"]


def test_faults_between_turns(tmp_path):
    with ReuseBox(tmp_path, "auto", {"timing": QUICK}, model='[models.restart]\nfirst_backoff = "10ms"\nmax_backoff = "50ms"\nintensity = 1000\n') as box:
        with_reuse_on(box)
        play(box, max(60, TURNS // 3), faults=True)


def test_what_a_key_asked_is_nothing_to_another_key(tmp_path):
    """The time of an answer would tell what others asked."""
    with ReuseBox(tmp_path, "auto") as box:
        on = with_reuse_on(box)
        turns = [{"role": "user", "content": "[[text=yes]] a secret question"}]

        def cached(headers):
            reply = box.request("POST", "/v1/chat/completions", {"model": MODEL, "messages": turns}, headers=headers)
            assert reply.status == 200, reply.body
            return reply.json["usage"].get("prompt_tokens_details", {}).get("cached_tokens", 0)

        anna, ben = box.users
        assert cached(anna) == 0
        turns += [{"role": "assistant", "content": "yes"}, {"role": "user", "content": "[[text=no]] and then"}]
        assert cached(ben) == 0, "ben's prompt begins like anna's, and is computed whole"
        turns = turns[:1]
        cached(anna)
        turns += [{"role": "assistant", "content": "yes"}, {"role": "user", "content": "[[text=no]] and then"}]
        assert (cached(anna) > 0) == on


def test_a_conversation_goes_back_to_its_slot_and_no_other_key_uses_it(tmp_path):
    with ReuseBox(tmp_path, None, profile="llama-server") as box:
        box.wait_ready()

        def cached(headers, *turns):
            messages = [{"role": "user" if i % 2 == 0 else "assistant", "content": text} for i, text in enumerate(turns)]
            reply = box.request("POST", "/v1/chat/completions", {"model": MODEL, "messages": messages}, headers=headers)
            assert reply.status == 200, reply.body
            usage = reply.json["usage"]
            told = usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)
            run = box.control("runtime", cmd="runs", since=0)["runs"][-1]
            assert told == run["cached_tokens"] and usage["prompt_tokens"] == len(run["kv_ids"])
            return told

        anna, ben = box.users
        question = "[[text=yes]] a secret question " + "of many words " * 10
        assert cached(anna, question) < 10, "no more than the marks that it shares with the prompt of the self-test"
        assert cached(anna, question, "yes", "[[text=no]] and then") > 30
        assert cached(ben, question, "yes", "[[text=no]] and then") == 0
        assert cached(anna, question, "yes", "[[text=no]] and then") == 0, "the slot was ben's meanwhile"
        messages = box.request("POST", "/v1/messages", {"model": MODEL, "max_tokens": 50, "messages": [
            {"role": "user", "content": question}, {"role": "assistant", "content": "yes"},
            {"role": "user", "content": "[[text=no]] and then"}]}).json["usage"]
        assert messages["cache_read_input_tokens"] > 30 > messages["input_tokens"]
        told = box.get("/metrics").body.decode()
        assert f'corral_prompt_starts_total{{backend="{MODEL}",model="{MODEL}",start="owner"}} 2' in told
        assert f'corral_prompt_starts_total{{backend="{MODEL}",model="{MODEL}",start="continued"}} 3' in told
        seen = model_of(box)["reuse"]
        assert (seen["runs"], seen["continued"]) == (5, 3) and seen["cached_tokens"] > 60


def test_off_reaches_a_server_that_keeps_its_own(tmp_path):
    with ReuseBox(tmp_path, "off", profile="llama-server") as box:
        box.wait_ready()
        turns = [{"role": "user", "content": "[[text=yes]] " + "many words " * 20}]
        for _ in range(2):
            reply = box.request("POST", "/v1/chat/completions", {"model": MODEL, "messages": turns})
            assert reply.status == 200, reply.body
            assert box.control("runtime", cmd="runs", since=0)["runs"][-1]["cached_tokens"] == 0
        seen = model_of(box)["reuse"]
        assert seen["state"] == "off" and seen["runs"] == 2 and seen["cached_tokens"] == 0


def turn_costs(box, turns=10):
    """Prefill runs, and milliseconds until the first text, of each turn of one conversation."""
    history, out = [{"role": "system", "content": "You are a clerk who likes plain words and short sentences."}], []
    for number in range(1, turns + 1):
        history.append({"role": "user", "content": f"[[n=150]] turn {number}: " + "what is there to be told of it? " * 5})
        seen = box.control("runtime", cmd="trace", since=0)["events"]
        seen = seen[-1]["seq"] if seen else 0
        began = time.monotonic()
        stream = box.stream(history)
        if stream.status != 200:
            stream.close()
            out.append(None)  # it does not fit any more
            continue
        text, first = "", None
        for line in stream:
            first = first or (time.monotonic() if line["message"]["content"] else None)
            text += line["message"]["content"]
        history.append({"role": "assistant", "content": text})
        resets = [e["tokens"] for e in box.control("runtime", cmd="trace", since=seen)["events"] if e["what"] == "reset_end"]
        diff = box.runs()[-1]["diff_tokens"]
        out.append((sum(math.ceil(n / CHUNK) for n in resets) + math.ceil(diff / CHUNK), 1000 * (first - began)))
    return out


def table(costs):
    lines = ["turn  " + "  ".join(f"{name:>22}" for name in costs)]
    for number in range(max(map(len, costs.values()))):
        cells = [rows[number] for rows in costs.values()]
        lines.append(f"{number + 1:4}  " + "  ".join(f"{c[0]:>6} runs {c[1]:>8.0f} ms" if c else f"{'too long':>22}" for c in cells))
    return "\n".join(lines)


def measured(folder, prefill_ms):
    costs = {}
    for reuse in ("off", "auto"):
        timing = {"prefill_ms_per_chunk": prefill_ms, "tokens_per_second": 1000}
        with ReuseBox(folder / reuse, reuse, {"timing": timing}, model="oversize = \"refuse\"\n") as box:
            on = with_reuse_on(box) if reuse == "auto" else False
            costs["continued" if on else f"reuse = {reuse}"] = turn_costs(box)
    return costs


def test_what_a_turn_costs(tmp_path):
    costs = measured(tmp_path, 60)
    print("\n" + table(costs))
    runs = {name: [c[0] for c in rows if c] for name, rows in costs.items()}
    off = runs["reuse = off"]
    assert off[-1] > off[0] + 3, "each turn computes all turns before it"
    for again in runs.get("continued", [])[1:]:
        assert again == 1, runs


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as where:
        print(table(measured(pathlib.Path(where), float(sys.argv[1]) if len(sys.argv) > 1 else 580)))
