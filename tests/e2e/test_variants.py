"""Models that clients make of others answer in their own way, and are there after a restart."""

import hashlib
import json
import shutil
import threading
import time

import pytest

from admin_cli import done
from harness import MODEL, Box, strain
from keyed_box import bearer, new_key


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    folder = tmp_path_factory.mktemp("variants")
    with Box(folder, config=f'state_directory = "{folder / "state"}"') as running:
        yield running


def names(box):
    return {model["name"] for model in box.get("/api/tags").json["models"]}


def statuses(reply):
    return [json.loads(line) for line in reply.body.splitlines()]


def test_a_variant_speaks_with_its_own_system_text_also_after_a_restart(box):
    made = box.post("/api/create", {"model": "pirate", "from": "sim", "system": "You are a pirate.",
                                    "parameters": {"num_predict": 5},
                                    "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "arr"}]})
    assert made.status == 200 and statuses(made)[-1] == {"status": "success"}, made.body
    for _ in range(2):
        assert names(box) == {MODEL, "pirate:latest"}
        shown = box.post("/api/show", {"model": "pirate"}).json
        assert shown["system"] == "You are a pirate." and shown["details"]["parent_model"] == MODEL
        said = box.post("/api/chat", {"model": "Pirate", "stream": False, "messages": [{"role": "user", "content": "who?"}]})
        assert said.status == 200 and said.json["model"] == "Pirate" and said.json["eval_count"] <= 5, said.body
        read = json.dumps(box.runs()[-1])
        assert "You are a pirate." in read and "arr" in read, read
        box.stop()
        box.start()
    assert box.request("DELETE", "/api/delete", {"model": "pirate"}).status == 200
    box.stop()
    box.start()
    assert names(box) == {MODEL}


def test_a_copy_is_a_second_name_and_the_configured_model_stays(box):
    assert box.post("/api/copy", {"source": "sim", "destination": "me/alias:x"}).status == 200
    assert box.post("/api/show", {"model": "me/alias:x"}).status == 200
    assert box.request("DELETE", "/api/delete", {"model": "sim"}).status == 403
    assert box.post("/api/create", {"model": "sim", "from": "me/alias:x"}).status == 403
    assert box.request("DELETE", "/api/delete", {"model": "me/alias:x"}).status == 200
    assert names(box) == {MODEL}


def test_context_goes_on_with_the_conversation(box):
    def generate(**more):
        reply = box.post("/api/generate", {"model": MODEL, "stream": False, **more})
        assert reply.status == 200, reply.body
        return reply.json

    first = generate(prompt="My name is Ada.")
    generate(prompt="Who am I?", context=first["context"])
    read = json.dumps(box.runs()[-1])
    assert "My name is Ada." in read and "Who am I?" in read, read


def write_variants(folder, count, size):
    """As a version without a bound left them, in the words of another writer of JSON."""
    folder.mkdir(parents=True)
    for number in range(count):
        name = f"v{number}"
        digest = hashlib.sha256(f"{name}:latest".encode()).hexdigest()[:16]
        (folder / f"{name}-latest-{digest}.json").write_text(json.dumps(
            {"corral_variant": 1, "name": f"{name}:latest", "from": MODEL, "modified": 1700000000000000000 + number,
             "system": f"You are {name}. " + "x" * size, "parameters": {}, "messages": []}))


class Stalls(threading.Thread):
    """The longest time that /healthz took, asked again and again."""

    def __init__(self, box):
        super().__init__()
        self.box, self.longest, self.over = box, 0.0, threading.Event()

    def run(self):
        connection = self.box.connect(60)
        while not self.over.wait(0.01):
            began = time.monotonic()
            connection.request("GET", "/healthz")
            assert connection.getresponse().read()
            self.longest = max(self.longest, (time.monotonic() - began) / strain())
        connection.close()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()


def test_far_too_many_variants_delay_neither_the_start_nor_the_loop(tmp_path):
    count = 150
    write_variants(tmp_path / "state" / "variants", count, 1000 * 1000)
    box = Box(tmp_path, config=f'state_directory = "{tmp_path / "state"}"')
    began = time.monotonic()
    box.start(wait_ready=False)
    try:
        listening = time.monotonic() - began
        with Stalls(box) as stalls:
            box.wait_ready()
            assert len(names(box)) == count + 1
            refused = box.post("/api/create", {"model": "one-more", "from": "sim", "system": "y"})
            assert "delete some" in refused.body.decode(), refused.body
            for _ in range(2):
                done(box, "reload")
            assert box.request("DELETE", "/api/delete", {"model": "v0"}).status == 200
            assert len(names(box)) == count
        last = f"v{count - 1}"
        assert box.post("/api/show", {"model": last}).json["system"].startswith(f"You are {last}. xxx")
        print(f"listening after {listening:.2f} s, longest stall {stalls.longest * 1000:.0f} ms")
        assert listening < 4 * strain(), "one look at each is enough"
        assert stalls.longest < 0.5
    finally:
        box.__exit__()


def test_a_folder_of_variants_that_is_gone_is_made_again(tmp_path):
    with Box(tmp_path, config=f'state_directory = "{tmp_path / "state"}"') as box:
        shutil.rmtree(tmp_path / "state" / "variants")
        made = box.post("/api/create", {"model": "pirate", "from": "sim", "system": "arr"})
        assert statuses(made)[-1] == {"status": "success"}, made.body
        assert len(list((tmp_path / "state" / "variants").iterdir())) == 1


def test_with_keys_a_variant_is_its_keys(tmp_path):
    box = Box(tmp_path, config=f'state_directory = "{tmp_path / "state"}"\n[access]\nkeys = "keys"\n')
    anna, ben = bearer(new_key(box, "anna")), bearer(new_key(box, "ben"))
    with box:
        def create(headers, system, name="annas", source="sim"):
            return box.post("/api/create", {"model": name, "from": source, "system": system, "stream": False}, headers=headers)
        assert create(anna, "ANNA'S TEXT").status == 200
        for refused in (create(ben, "ben was here"), create(ben, "", "bens", "annas"),
                        box.post("/api/copy", {"source": "sim", "destination": "annas"}, headers=ben),
                        box.post("/api/copy", {"source": "annas", "destination": "bens"}, headers=ben),
                        box.request("DELETE", "/api/delete", {"model": "annas"}, headers=ben)):
            assert refused.status == 403 and "was made with another key" in refused.json["error"], refused.body
        shown = [box.post("/api/show", {"model": "annas"}, headers=each).body.decode() for each in (anna, ben)]
        assert ["ANNA'S TEXT" in each for each in shown] == [True, False], shown
        used = box.post("/api/chat", {"model": "annas", "stream": False, "messages": [{"role": "user", "content": "hi"}]}, headers=ben)
        assert used.status == 200 and "ANNA'S TEXT" in json.dumps(box.runs()[-1]), used.body
        assert box.request("DELETE", "/api/delete", {"model": "annas"}, headers=anna).status == 200
