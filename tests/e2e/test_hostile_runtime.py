"""A runtime that means harm costs its own clients their answers and nobody else anything: Corral lives, answers others, keeps
little, and serves again when the runtime behaves (hostile_runtime.py has the figures of the loop)."""

import time

import pytest

from greedy import rss_mib
from hostile_runtime import KINDS, HostileBox

MOST_MIB = 64


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with HostileBox(tmp_path_factory.mktemp("hostile")) as running:
        running.say("x")
        running.small = rss_mib(running.process.pid)
        yield running


@pytest.mark.parametrize("kind", KINDS)
def test_a_runtime_that_means_harm_harms_nobody_else(box, kind):
    box.meet(kind, 0.5)
    began = time.monotonic()
    assert box.get("/healthz").status == 200
    assert time.monotonic() - began < 5
    assert rss_mib(box.process.pid) < box.small + MOST_MIB
    assert box.say("behave") == "good"
