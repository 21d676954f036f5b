"""Connections to streaming servers that keep theirs are used again, and closed with their server."""

import signal

import pytest

from harness import Box, wait_until

CHATS = 12


def accepted(box):
    return box.control("runtime", cmd="state")["accepted"]


@pytest.mark.parametrize("profile", ["vllm-ascend", "fastllm"])
def test_chats_one_after_another_share_a_connection(tmp_path, profile):
    with Box(tmp_path, {"directives": True}, profile=profile) as box:
        assert box.say("[[text=first]] hello") == "first"
        before = accepted(box)
        for number in range(CHATS):
            assert box.say(f"[[text=answer {number}]] hello") == f"answer {number}"
        # Probes have connections of their own.
        assert accepted(box) - before < CHATS / 2


# llama-server says Keep-Alive and hangs up behind each stream (docs/facts/other_runtimes.md).
def test_a_new_process_is_asked_on_a_new_connection(tmp_path):
    with Box(tmp_path, {"directives": True}, profile="llama-server") as box:
        for round_ in range(3):
            assert box.say(f"[[text=round {round_}]] hello") == f"round {round_}"
            before = box.pid_of("runtime")
            box.kill("runtime", signal.SIGKILL)
            wait_until(lambda: box.pid_of("runtime") not in (None, before), what="another process")
            box.wait_ready()
        assert box.say("[[text=at last]] hello") == "at last"
