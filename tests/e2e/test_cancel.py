"""A client that leaves at any moment: the next answer is right and not empty."""

import threading
import time

import pytest

from harness import Box, wait_until

TIMING = {"prefill_ms_per_chunk": 60, "tokens_per_second": 100}


@pytest.fixture(scope="module", params=[False, True], ids=["idle", "busy"])
def busy(request):
    """A machine with something else to do, or nothing."""
    stop = threading.Event()

    def burn():
        while not stop.is_set():
            sum(range(1000))

    burners = [threading.Thread(target=burn) for _ in range(2)] if request.param else []
    for burner in burners:
        burner.start()
    yield request.param
    stop.set()
    for burner in burners:
        burner.join()


@pytest.fixture(scope="module")
def box(tmp_path_factory, busy):
    with Box(tmp_path_factory.mktemp("cancel"), {"directives": True, "timing": TIMING}) as running:
        yield running


def next_answer_is_right(box, number):
    text = f"right answer {number}"
    assert box.say(f"[[text={text}]] after the cancel") == text


@pytest.mark.parametrize("delay_ms", [0, 5, 50, 400])
def test_cancelled_after_generate(box, delay_ms):
    for number in range(3):
        generates = box.runtime_state()["generates"]
        later = box.stream_later("[[never_end]] leaves")
        wait_until(lambda: box.runtime_state()["generates"] > generates, what="generate accepted")
        leave_at = time.monotonic() + delay_ms / 1000
        wait_until(lambda: time.monotonic() >= leave_at, what="the moment under test")
        later.close()
        next_answer_is_right(box, number)


def in_phase(box, phase):
    """When that is so. A prompt is made into ids for the runtime, or before it is told anything: either way the service is asked."""
    if phase != "encode":
        return lambda: box.runtime_state()["phase"] == phase
    asked = lambda: sum(call["route"] == "/encode" for call in box.control("tokenizer", cmd="requests", since=0)["requests"])
    before = asked()
    return lambda: asked() > before


@pytest.mark.parametrize("phase", ["reset", "encode", "prefill", "decode"])
def test_cancelled_in_a_phase(box, phase):
    reached = in_phase(box, phase)
    box.control("runtime", cmd="set", timing={"prefill_ms_per_chunk": 400, "reset_ms": 300})
    box.control("tokenizer", cmd="set", tokenizer={"encode_ms": 200})
    try:
        later = box.stream_later("[[never_end]] leaves in " + phase)
        wait_until(reached, what=phase)
        later.close()
    finally:
        box.control("runtime", cmd="set", timing={"prefill_ms_per_chunk": 60, "reset_ms": 0})
        box.control("tokenizer", cmd="set", tokenizer={"encode_ms": 0})
    next_answer_is_right(box, phase)


def test_cancelled_inside_a_multibyte_character(box):
    """Pieces of three one-byte tokens cut the four bytes of an emoji (docs/facts/vendor_ax.md#cycle)."""
    for number in range(3):
        stream = box.stream("[[text=" + "\N{WATER BUFFALO}" * 60 + "]]")
        lines = iter(stream)
        for _ in range(number + 1):
            next(lines)
        stream.close()
        text = "\N{WATER BUFFALO} \N{SNOWMAN} right"
        assert box.say(f"[[text={text}]]") == text


def test_a_burst_of_cancelled_requests(box):
    for number in range(10):
        box.stream_later(f"[[never_end]] burst {number}").close()
    next_answer_is_right(box, "after the burst")
    wait_until(lambda: not box.runtime_state()["running"], what="idle at the end")
