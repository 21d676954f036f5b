"""Vectors of texts, from the runtimes that make them, as those who fill a vector store want them."""

import contextlib
import http.client
import json
import threading
import time

import pytest

from harness import MODEL, Box, Elsewhere, strain, wait_until

EMBEDDING = 'capabilities = ["embedding"]'
BOTH = 'capabilities = ["completion", "embedding"]'


def embed(box, texts, **more):
    return box.post("/api/embed", {"model": MODEL, "input": texts, **more})


def vectors(reply):
    assert reply.status == 200, reply.body
    return reply.json["embeddings"]


def likeness(one, other):
    return sum(a * b for a, b in zip(one, other))


@pytest.fixture(scope="module", params=["llama-server", "vllm-ascend"])
def box(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("box")
    box = Box(folder, model=EMBEDDING, profile=request.param)
    (box.package / "modules.json").write_text("[]")  # by which vLLM knows such a model
    with box:
        yield box


def test_a_list_gives_a_unit_vector_for_each_text_in_its_order(box):
    texts = [f"text number {number} of a shelf" for number in range(70)]
    reply = embed(box, texts)
    made = vectors(reply)
    assert len(made) == 70 and {len(one) for one in made} == {64}
    assert all(abs(likeness(one, one) - 1) < 1e-5 for one in made)
    assert reply.json["prompt_eval_count"] >= 70 and reply.json["total_duration"] >= reply.json["load_duration"] > 0
    for number in (0, 31, 32, 69):
        assert vectors(embed(box, texts[number])) == [made[number]]


def test_a_text_that_is_too_long_keeps_its_beginning(box):
    whole = "zebra " * 20000
    [one] = vectors(embed(box, whole))
    assert likeness(one, vectors(embed(box, "zebra " * 100))[0]) > 0.99
    among = vectors(embed(box, ["a short one", whole, "another"]))
    assert among[0] == vectors(embed(box, "a short one"))[0] and likeness(among[1], one) > 0.999
    refused = embed(box, whole, truncate=False)
    assert (refused.status, refused.json) == (400, {"error": "the input length exceeds the context length"})


def test_the_model_is_shown_as_what_it_is(box):
    assert box.post("/api/show", {"model": MODEL}).json["capabilities"] == ["embedding"]
    assert box.get("/api/tags").json["models"][0]["capabilities"] == ["embedding"]
    refused = box.chat("hello")
    assert (refused.status, refused.json) == (400, {"error": f'"{MODEL}" does not support chat'})


def test_a_large_answer_does_not_hold_up_others(tmp_path):
    """Its 128,000 numbers are written beside the loop; others are answered meanwhile."""
    with Box(tmp_path, {"timing": {"prefill_ms_per_chunk": 0, "tokens_per_second": 100000}}, model=EMBEDDING,
             profile="llama-server") as box:
        done = threading.Event()
        replies = []
        worker = threading.Thread(target=lambda: (replies.append(embed(box, ["a word"] * 2000)), done.set()))
        worker.start()
        waits = []
        while not done.is_set():
            begun = time.monotonic()
            assert box.get("/api/version").status == 200
            waits.append((time.monotonic() - begun) / strain())
            done.wait(0.05)
        worker.join()
        assert len(vectors(replies[0])) == 2000
        assert sorted(waits)[len(waits) // 2] < 0.5, max(waits)


def test_a_chat_comes_between_the_batches_of_a_long_list(tmp_path):
    with Box(tmp_path, {"directives": True, "timing": {"prefill_ms_per_chunk": 10}}, model=BOTH, profile="llama-server") as box:
        replies = []
        worker = threading.Thread(target=lambda: replies.append(embed(box, [f"text {number}" for number in range(320)])))
        worker.start()
        wait_until(lambda: box.runtime_state()["requests"] > 3, what="the first batches are made")
        assert box.say("[[text=in between]]") == "in between"
        assert worker.is_alive(), "the chat waited for the whole list"
        worker.join(60)
        assert len(vectors(replies[0])) == 320


def test_a_client_that_leaves_frees_the_runtime(tmp_path):
    with Box(tmp_path, {"timing": {"prefill_ms_per_chunk": 200}}, model=EMBEDDING, profile="llama-server") as box:
        connection = http.client.HTTPConnection("127.0.0.1", box.port)
        connection.request("POST", "/api/embed", json.dumps({"model": MODEL, "input": ["x"] * 2000}))
        wait_until(lambda: box.get("/readyz").json["queue"]["running"] == 1, what="it runs")
        connection.close()
        wait_until(lambda: box.get("/readyz").json["queue"]["running"] == 0, 10, "its place is free")
        assert len(vectors(embed(box, "x"))) == 1


def test_a_runtime_that_dies_in_the_middle_costs_nothing_but_time(tmp_path):
    with Box(tmp_path, {"timing": {"prefill_ms_per_chunk": 30}}, model=EMBEDDING, profile="llama-server") as box:
        replies = []
        worker = threading.Thread(target=lambda: replies.append(embed(box, [f"text {number}" for number in range(60)])))
        worker.start()
        wait_until(lambda: box.get("/readyz").json["queue"]["running"] == 1, what="it runs")
        box.kill("runtime")
        worker.join(60)
        assert len(vectors(replies[0])) == 60


def test_a_model_that_was_not_started_for_it_says_so(tmp_path):
    with Box(tmp_path, profile="llama-server") as box:
        refused = embed(box, "x")
        assert (refused.status, refused.json) == (501, {"error": "this model does not support embeddings"})


def test_vectors_of_a_server_elsewhere(tmp_path):
    with Box(tmp_path / "there", model=EMBEDDING, profile="llama-server") as there, contextlib.ExitStack() as open_boxes:
        here = open_boxes.enter_context(Elsewhere(tmp_path / "here", there, EMBEDDING))
        texts = ["one", "two", "zebra " * 20000]
        made = vectors(embed(here, texts))
        assert all(likeness(a, b) > 0.9999 for a, b in zip(made, vectors(embed(there, texts))))
        refused = embed(here, texts, truncate=False)
        assert (refused.status, refused.json) == (400, {"error": "the input length exceeds the context length"})
