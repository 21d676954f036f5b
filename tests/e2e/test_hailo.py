"""hailo-ollama (Raspberry Pi AI HAT+ 2): errors with status 200 in 5.1.1, whole seconds for keep_alive, a context that goes on for whoever
begins alike, no way to stop a run, a port on every interface. Behind Corral none of it is seen."""

import json

import pytest

from harness import Box, wait_until
from test_portguard import Original, of_services

TIMING = {"prefill_ms_per_chunk": 10, "tokens_per_second": 200}


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with Box(tmp_path_factory.mktemp("hailo"), {"directives": True, "timing": TIMING}, profile="hailo-ollama") as running:
        yield running


def test_a_clients_keep_alive_and_format_never_reach_the_server(box):
    """Home Assistant sends "300s", which is status 500 there."""
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    for more in ({"keep_alive": "300s"}, {"keep_alive": 5.5}, {"options": {"num_ctx": 4096, "mirostat": 2, "stop": ["zzz"]}}):
        reply = box.chat("[[text=well]]", **more)
        assert reply.status == 200 and reply.json["message"]["content"] == "well", more
    assert {run["keep_alive"] for run in box.runs()} == {-1}
    reply = box.chat('[[text={"a": "b"}]]', format=schema)
    assert reply.status == 200 and json.loads(reply.json["message"]["content"]) == {"a": "b"}


def test_an_answer_that_was_left_is_read_by_nobody(box):
    """The server alone puts it before the next conversation that begins alike (tests/sim/hailo_test.py)."""
    first = [{"role": "user", "content": "[[text=" + "the secret of Alice " * 40 + "]] hello"}]
    stream = box.stream(first)
    lines = iter(stream)
    next(lines)
    stream.close()
    said = [{"role": "assistant", "content": "Hello."}, {"role": "user", "content": "[[text=only mine]]"}]
    assert box.say(first + said) == "only mine"
    read = wait_until(lambda: [run for run in box.runs() if "only mine" in run["kv_text"]], what="run record")[-1]["kv_text"]
    assert read.count("the secret of Alice") == 40, "once, as the person's own words"


@pytest.mark.parametrize("old", [False, True], ids=["present", "5.1.1"])
def test_a_model_that_the_server_does_not_have_is_told_by_its_own_words(tmp_path, old):
    box = Box(tmp_path, {"faults": {"errors_200": old}}, profile="hailo-ollama")
    text = box.config_file.read_text().replace('model_name = "sim:1b"', 'model_name = "sim:2b"')
    box.config_file.write_text(text)
    box.start(wait_ready=False)
    try:
        reason = lambda: box.get("/readyz").json["models"][0].get("reason", "")
        wait_until(lambda: "model 'sim:2b' not found" in reason(), what="the reason")
    finally:
        box.stop()


def test_its_port_is_not_open_to_the_network(tmp_path):
    with Original(tmp_path, {"directives": True}, profile="hailo-ollama", lines="device = false") as box:
        open_at = of_services(box)
        assert {address for address, _ in open_at} == {"127.0.0.1"} and 8000 not in {port for _, port in open_at}, open_at
        assert "warning" not in box.state()
        assert box.say("[[text=behind the fence]]") == "behind the fence"


def test_a_device_that_another_program_has_is_named(tmp_path):
    box = Box(tmp_path, {"faults": {"start_oom": True}}, profile="hailo-ollama")
    box.start(wait_ready=False)
    try:
        box.logged("first test answer failed: .*Failed to create VDevice, status = HAILO_OUT_OF_PHYSICAL_DEVICES", 20)
    finally:
        box.stop()
