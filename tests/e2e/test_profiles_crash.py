"""kill -9 of every profile's runtime at rest, before the first word, and in the middle of an answer."""


import pytest

from harness import Box, answered_by_the_next, ends_an_answer, strain, wait_until
from profiles import PROFILES


@pytest.fixture(scope="module", params=PROFILES, ids=lambda profile: profile.label)
def box(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param.name)
    timing = {"prefill_ms_per_chunk": 10, "tokens_per_second": 60}
    rule = '[models.clocks]\nscrub = "1s"\n[models.restart]\nfirst_backoff = "50ms"\nmax_backoff = "200ms"\nintensity = 50\n'
    with Box(folder, {"directives": True, "timing": timing}, model=rule, profile=request.param.name) as running:
        yield running


def well_again(box):
    box.wait_ready()
    assert box.say("[[text=all well]] afterwards") == "all well"


def test_killed_at_rest_it_is_restarted_without_any_request(box):
    old = box.kill("runtime")
    wait_until(lambda: (box.pid_of("runtime") or old) != old, 30, "a new runtime")
    well_again(box)


def test_killed_before_the_first_word_the_same_request_is_answered(box):
    answered_by_the_next(box)
    well_again(box)


def test_killed_in_the_middle_the_answer_ends_with_an_error_and_never_as_if_whole(box):
    ends_an_answer(box, 3 * strain())
    well_again(box)
