"""Whatever one client takes, another with a key of its own is served: a second of each kind (greedy.py has the minute, and
the figures)."""

import resource
import socket

import pytest

import greedy
from keyed_box import make_box


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
