"""An accelerator first and llama.cpp's real server on the CPU behind it. The simulated accelerator echoes what it reads; llama.cpp's
model says the alphabet: the text itself tells who answered."""

import json
import threading

from conftest import REAL
from harness import Box, wait_until

ALPHABET = "abcdefghijklmnopqrstuvwxyz."


class TwoTiers(Box):
    def config_text(self, *arguments):
        fallback = (f'[[models.fallbacks]]\nprofile = "llama-server"\npackage = "{REAL}"\nfamily = "chatml"\n'
                    f'[models.fallbacks.variables]\nprogram = "{REAL / "llama-server"}"\nmodel_file = "tiny.gguf"\n'
                    f'context = 4096\nthreads = 1\n')
        return super().config_text(*arguments) + fallback

    def next_load(self, milliseconds):
        scenario = {**self.scenario, "timing": {**self.scenario["timing"], "load_ms": milliseconds}}
        (self.folder / "scenario.json").write_text(json.dumps(scenario))


def served_by(reply):
    headers = {name.lower(): value for name, value in reply.headers.items()}
    return headers["corral-tier"]


def test_the_cpu_answers_while_the_accelerator_is_down_and_no_request_is_lost(tmp_path):
    with TwoTiers(tmp_path, model='failback_after = "1s"') as box:
        ask = lambda: box.chat("hi", {"temperature": 0})
        wait_until(lambda: served_by(ask()) == "0", what="the accelerator serves")
        over, replies, before = threading.Event(), [], len(box.log())

        def client():
            while not over.is_set():
                replies.append(ask())

        clients = [threading.Thread(target=client) for _ in range(4)]
        for one in clients:
            one.start()
        box.next_load(600_000)  # not before the CPU has served
        box.kill("runtime")
        wait_until(lambda: any(served_by(reply) == "1" for reply in list(replies) if reply.status == 200), 60, "the CPU serves")
        box.next_load(0)
        box.kill("runtime")
        seen = len(replies)
        wait_until(lambda: any(served_by(reply) == "0" for reply in replies[seen:] if reply.status == 200), 60,
                   "the accelerator serves again")
        over.set()
        for one in clients:
            one.join()
    lost = [(reply.status, reply.body) for reply in replies if reply.status != 200]
    assert lost == []
    for reply in replies:
        by_cpu = served_by(reply) == "1"
        assert (reply.json["message"]["content"] == ALPHABET) == by_cpu
    changes = [line for line in box.log()[before:].splitlines() if "event=tier.changed" in line]
    assert len(changes) == 2, changes  # there, and back
