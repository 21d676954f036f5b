"""From a name to a served model over the API: the lines of a pull, a chat, two who ask, one who leaves, and the delete."""

import json
import subprocess
import threading

import pytest

from harness import wait_until
from pull_box import NAME, PullBox


@pytest.fixture
def box(tmp_path):
    with PullBox(tmp_path) as one:
        yield one


def chat(box):
    status, text = box.ask("POST", "/api/chat", {"model": NAME, "stream": False, "messages": [{"role": "user", "content": "hi"}]})
    assert status == 200, text
    return json.loads(text)["message"]["content"]


def test_a_pull_ends_in_a_model_that_answers_and_a_delete_in_none(box):
    # As Open WebUI 0.12.4 says it.
    status, text = box.ask("POST", "/api/pull", {"name": NAME, "model": NAME, "insecure": True})
    lines = [json.loads(line) for line in text.splitlines()]
    assert status == 200 and lines[0] == {"status": "pulling manifest"}, text
    assert lines[-1] == {"status": "success"}, text + box.log.read_text()
    layers = [line for line in lines if "digest" in line]
    assert layers and all(line["status"] == "pulling " + line["digest"][7:19] for line in layers)
    assert layers[-1]["completed"] == layers[-1]["total"] > 0
    rest = [line["status"] for line in lines if "digest" not in line]
    assert rest == ["pulling manifest", "verifying sha256 digest", "writing manifest", "success"]
    assert box.tags() == [NAME]
    assert chat(box)
    assert box.ask("DELETE", "/api/delete", {"model": NAME}) == (200, "")
    assert box.tags() == [] and list(box.store.glob("[!.]*")) == []
    again = box.ask("POST", "/api/pull", {"model": NAME, "stream": False})
    assert again == (200, '{"status":"success"}')
    assert box.tags() == [NAME]


def test_two_who_ask_share_one_download(box):
    told = []

    def pull():
        told.append(box.ask("POST", "/api/pull", {"model": NAME}))

    both = [threading.Thread(target=pull) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert [text.splitlines()[-1] for _, text in told] == ['{"status":"success"}'] * 2, told
    # The later one may have come when the model was there already.
    wait_until(lambda: "event=pull.done" in box.log.read_text(), what="the pull is told in the log")
    assert box.log.read_text().count("event=pull.done") == 1


def test_a_name_that_is_in_no_catalogue_is_said_so(box):
    status, text = box.ask("POST", "/api/pull", {"model": "nobody:7b"})
    assert status in (200, 500) and "catalogue" in json.loads(text.splitlines()[-1])["error"], text
    status, text = box.ask("POST", "/api/pull", {"model": "http://127.0.0.1/a/b", "stream": False})
    assert status == 500 and "clients pull names of the catalogue" in text


def test_a_repository_of_a_stranger_is_not_brought(box):
    status, text = box.ask("POST", "/api/pull", {"model": "hf.co/mallory/evil", "stream": False})
    assert "'owners' of [pull]" in text, (status, text)
    for headers in (("-H", "Origin: http://localhost:8080", "-H", "Content-Type: text/plain"), ("-H", "Sec-Fetch-Site: same-site"),
                    ("-H", "Host: evil.local", "-H", "Origin: http://evil.local", "-H", "X-Corral-Action: 1")):
        for method, path in (("POST", "/api/pull"), ("DELETE", "/api/delete")):
            assert box.ask(method, path, {"model": NAME}, *headers)[0] == 403, headers
    assert box.ask("GET", "/api/tags")[0] == 200 and NAME not in box.tags()


def test_who_leaves_ends_the_pull_and_may_ask_again(box):
    curl = subprocess.Popen(["curl", "-sS", "--noproxy", "*", "-N", f"{box.url}/api/pull", "-d", json.dumps({"model": NAME})],
                            stdout=subprocess.PIPE, text=True)
    curl.stdout.readline()
    curl.kill()
    curl.wait()
    wait_until(lambda: "event=pull.left" in box.log.read_text() or "event=pull.done" in box.log.read_text(), 30, "it ends")
    assert box.ask("POST", "/api/pull", {"model": NAME, "stream": False}) == (200, '{"status":"success"}')
    assert chat(box)
