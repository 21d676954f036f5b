"""Whatever one client takes, another with a key of its own is served: a second of each kind (greedy.py has the minute, and
the figures)."""

import contextlib
import resource
import socket

import pytest

import greedy
import keyed_box
from harness import Box
from keyed_box import make_box
from running import pause, wait_until


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with greedy.box_for("any", tmp_path_factory.mktemp("greedy")) as running:
        yield running


@pytest.mark.parametrize("kind", [*greedy.PLAIN_KINDS, greedy.ALL_AT_ONCE])
def test_a_greedy_client_costs_a_polite_one_no_answer(box, kind):
    with greedy.greedy(box, box.greedy_key, kind):
        seen = greedy.look(box, box.key, 1.2, period=0.3)
    assert not seen.refusals
    assert seen.spans


@pytest.mark.parametrize("kind", greedy.TLS_KINDS)
def test_a_crowd_of_handshakes_costs_a_polite_one_no_answer(tmp_path, kind):
    with greedy.box_for(kind, tmp_path) as box, greedy.greedy(box, box.greedy_key, kind):
        seen = greedy.look(box, box.key, 1.2, period=0.3)
    assert not seen.refusals
    assert seen.spans


def test_memory_of_many_requests_is_bounded_and_given_back(box):
    before = greedy.rss_mib(box.process.pid)
    with greedy.greedy(box, box.greedy_key, "bodies"):
        greedy.look(box, box.key, 2, period=0.5)
        assert greedy.rss_mib(box.process.pid) < before + 300


def test_strangers_with_unfinished_bodies_leave_room_for_small_ones_and_soon_for_large_ones(tmp_path):
    config = """[access]
keys = "keys"
[http]
max_body_bytes = 1048576
max_buffered_body_bytes = 4194304
body_timeout = "20s"
"""
    box = Box(tmp_path, keyed_box.SCENARIO, config=config)
    polite = keyed_box.bearer(keyed_box.new_key(box, "polite"))
    strangers = [keyed_box.new_key(box, f"stranger{each}") for each in range(4)]
    with box, contextlib.ExitStack() as held:
        lines = []
        for key in strangers:
            lines.append(held.enter_context(socket.create_connection(("127.0.0.1", box.port))))
            with contextlib.suppress(OSError):  # the last finds no room
                lines[-1].sendall(greedy.request_bytes(key, b"x" * (greedy.MIB - 1000), announced=greedy.MIB))

        def ask(text):
            return box.request("POST", "/api/chat", greedy.chat_body(text), headers=polite).status

        def large_after_a_drip():
            for line in lines:
                with contextlib.suppress(OSError):
                    line.send(b"x")
            return ask("[[text=large]]" + " " * 900_000)
        wait_until(lambda: large_after_a_drip() == 503, what="the bodies of the strangers have come")
        assert ask("[[text=small]]") == 200
        # 10 s, and 4 s for a MiB; silence and the floor rate alone would let them drip for 200 s.
        wait_until(lambda: pause.wait(0.5) or large_after_a_drip() != 503, timeout=60, what="a large body finds room")


def test_with_few_descriptors_it_says_so_and_starts_and_serves_all_the_same(tmp_path):
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (400, 400))

    box = make_box(tmp_path)
    crowd = []
    try:
        box.start(before_exec=few)
        assert box.logged("'max_connections' is 4096, but this process may have 400 open files")
        for _ in range(500):
            crowd.append(socket.create_connection(("127.0.0.1", box.port)))
        pid = box.pid_of("runtime")
        box.kill("runtime")  # a start takes descriptors
        assert box.say("[[text=served]]") == "served"
        assert box.pid_of("runtime") != pid
    finally:
        for each in crowd:
            each.close()
        box.__exit__()
