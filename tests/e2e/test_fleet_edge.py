"""HAProxy with the configuration that 'corral fleet render' writes, in front of two boxes: who gets which request, what a client
is told where none does, and what it notices of a box that goes away."""

import contextlib
import http.client
import json
import re
import shutil
import subprocess
import threading

import pytest

from admin_cli import done
from client import MODEL, Client
from fleet_boxes import Member, RenderedEdge, agent, is_ready
from harness import BIN, ROOT, free_port, wait_until
from keyed_box import certificate, make_box, trusting

pytestmark = pytest.mark.skipif(not shutil.which("haproxy"), reason="haproxy is not installed")

HELLO = [{"role": "user", "content": "[[text=hello]]"}]
# What each protocol asks with; the model comes later.
ASKED = [("/api/chat", {"messages": HELLO, "stream": False}),
         ("/api/generate", {"prompt": "[[text=hello]]", "stream": False}),
         ("/api/show", {}),
         ("/v1/chat/completions", {"messages": HELLO}),
         ("/v1/completions", {"prompt": "[[text=hello]]"}),
         ("/v1/responses", {"input": "[[text=hello]]"}),
         ("/v1/messages", {"messages": HELLO, "max_tokens": 20})]


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    """Both serve "sim"; "one" also "solo", "two" also "helper" and "spare"."""
    folder = tmp_path_factory.mktemp("fleet")
    with Member(folder / "one") as one, Member(folder / "two") as two:
        for box, names in ((one, ["solo"]), (two, ["helper", "spare"])):
            box.wait_ready()
            for name in names:
                assert box.post("/api/create", {"model": name, "from": "sim", "stream": False}).status == 200
        yield one, two


def listed(one, two):
    return [("one", one, 'models = ["sim", "solo"]'), ("two", two, 'models = ["sim", "helper", "spare"]')]


@pytest.fixture(scope="module")
def edge(members, tmp_path_factory):
    with RenderedEdge(tmp_path_factory.mktemp("edge"), listed(*members), 'buffer = "64KiB"') as running:
        yield running


def with_model(body, name):
    return {"model": name, **body}


@pytest.mark.parametrize("path, body", ASKED, ids=[path for path, _ in ASKED])
def test_a_request_goes_to_a_box_that_has_its_model(edge, path, body):
    for name in ("solo", "helper", "Helper:LATEST", "library/solo"):
        reply = edge.post(path, with_model(body, name))
        assert reply.status == 200, (name, reply.body)


def test_lists_and_health_are_answered_by_any_box(edge):
    for path in ("/", "/api/tags", "/api/ps", "/api/version", "/v1/models", "/v1/models/helper", "/v1/models/solo", "/readyz"):
        assert edge.get(path).status == 200, path


def told(reply):
    text = re.sub(rb"req_[0-9a-f]{24}", b"req_ID", reply.body)
    headers = {name.lower(): value for name, value in reply.headers.items()}
    return reply.status, headers["content-type"], text.strip()


@pytest.mark.parametrize("path, body", [*ASKED, ("/api/embed", {"input": "a"}), ("/api/embeddings", {"prompt": "a"}),
                                        ("/v1/embeddings", {"input": "a"})])
@pytest.mark.parametrize("name", ["Nobody", "some/body:7b", "hf.co/a/b", "not a name", "", "x:cloud", 5])
def test_an_unknown_model_is_told_as_a_box_tells_it(edge, members, path, body, name):
    said = told(edge.post(path, with_model(body, name)))
    assert said == told(members[0].post(path, with_model(body, name)))
    assert said[0] in (400, 403, 404)


def test_names_with_escapes_are_the_same_names(edge):
    for text in ('{"model":"libr\\u0061ry\\/helper"', '{"model":"library\\/helper"', '{ "messages" : [] ,\n "model" : "helper"'):
        assert edge.post("/api/chat", text + "}").status == 200, text


def test_a_large_body_is_routed_by_a_model_at_its_beginning_or_by_the_header(edge):
    name, size = "helper", 3_000_000
    first = json.dumps({"model": name, "messages": HELLO, "stream": False, "padding": "x" * size})
    last = json.dumps({"padding": "x" * size, "messages": HELLO, "stream": False, "model": name})
    assert edge.post("/api/chat", first).status == 200
    # The boxes with the most models are tried.
    assert edge.post("/api/chat", last).status == 200
    solo = last.replace(f'"{name}"}}', '"solo"}')
    assert edge.post("/api/chat", solo, headers={"X-Corral-Model": "solo"}).status == 200


@pytest.mark.parametrize("path, body", [ASKED[0], ASKED[3], ASKED[6]], ids=["ollama", "openai", "anthropic"])
def test_a_model_behind_the_buffer_on_another_box_is_no_unknown_model(edge, path, body):
    reply = edge.post(path, json.dumps({"padding": "x" * 200_000, **body, "model": "solo"}))
    assert reply.status == 400, reply.body
    said = reply.json["error"] if path == "/api/chat" else reply.json["error"]["message"]
    assert "X-Corral-Model" in said


def test_what_is_of_one_box_is_refused(edge):
    for method, path in (("GET", "/corral/v1/status"), ("GET", "/metrics"), ("POST", "/api/pull"), ("DELETE", "/api/delete"),
                         ("GET", "/ui/")):
        reply = edge.request(method, path, {})
        assert reply.status == 403 and "many boxes" in reply.json["error"], (path, reply.body)


def test_a_stream_comes_piece_by_piece(edge, members):
    def gaps(at):
        stream = at.stream("[[n=60]] tell me")
        assert list(stream)[-1]["done"] is True
        return len(stream.times), stream.times[-1] - stream.times[0]
    direct, through = gaps(members[0]), gaps(edge)
    # 60 tokens at 100 a second; an answer that is held back comes at once.
    assert through[0] > 10 and through[1] > 0.3 * direct[1], (direct, through)


def test_a_request_that_a_box_refuses_goes_to_the_other(edge, members):
    one, _ = members
    done(one, "stop", "sim")  # its agent has not said so yet
    try:
        for number in range(4):
            assert edge.chat(f"[[text=answer {number}]] {number}").status == 200, number
    finally:
        done(one, "start", "sim")
    wait_until(lambda: edge.servers("model_sim:latest") == {"one": ("UP", 100), "two": ("UP", 100)}, what="one gets requests again")


def test_conversations_stay_on_their_box(edge, members, tmp_path):
    def share(at):
        """Of the later turns, those on the box of the turn before."""
        stayed = turns = 0
        for number in range(6):
            messages, before = [], None
            for turn in range(4):
                wait_until(at.rests, what="nothing is left of the turn before, which would count as load")
                messages.append({"role": "user", "content": f"[[text=well]] conversation {number}, turn {turn} \u00e4"})
                counts = [box.served() for box in members]
                reply = at.post("/api/chat", {"model": MODEL, "messages": messages, "stream": False})
                assert reply.status == 200, reply.body
                wait_until(lambda: sum(box.served() for box in members) > sum(counts), what="the request is in a log")
                box = next(place for place, member in enumerate(members) if member.served() > counts[place])
                stayed, turns, before = stayed + (box == before), turns + (turn > 0), box
                messages.append(reply.json["message"])
        return stayed / turns
    kept = share(edge)
    with RenderedEdge(tmp_path / "loose", listed(*members), "affinity = false") as loose:
        lost = share(loose)
    assert kept >= 0.9 and lost < 0.7, (kept, lost)


def test_more_than_may_wait_is_refused_at_once(members, tmp_path):
    one, two = members
    boxes = [("one", one, 'models = ["solo"]\nmax_requests = 1'), ("two", two, 'models = ["helper"]')]
    with RenderedEdge(tmp_path / "edge", boxes, "queue = 1") as edge:
        running = edge.stream("[[n=2000]] on and on", model="solo")
        next(iter(running))
        waiting = edge.connect()
        waiting.request("POST", "/api/chat", json.dumps({"model": "solo", "messages": HELLO, "stream": False}))
        queued = lambda: any(row["pxname"] == "model_solo:latest" and row["qcur"] == "1" for row in edge.table())
        wait_until(queued, what="one request waits")
        for path, body in (ASKED[0], ASKED[3], ASKED[6]):
            reply = edge.post(path, with_model(body, "solo"))
            assert (reply.status, reply.headers["retry-after"]) == (503, "5"), reply.body
            error = reply.json["error"]
            assert "maximum pending requests exceeded" in (error if path == "/api/chat" else error["message"])
        assert edge.chat(HELLO, model="helper").status == 200
        running.close()
        assert waiting.getresponse().status == 200
        waiting.close()


def test_keys_are_checked_at_the_edge(members, tmp_path):
    keys = tmp_path / "keys"
    made = [subprocess.run([BIN / "corral", "key", "new", name, "--file", keys, *scope], capture_output=True, text=True, check=True)
            for name, scope in (("anna", []), ("watcher", ["--scope", "observe"]))]
    good, watcher = (run.stdout.strip() for run in made)
    port = free_port()
    with RenderedEdge(tmp_path / "edge", listed(*members), f'keys = "{keys}"\nstatistics = "127.0.0.1:{port}"') as edge:
        for headers in ({"Authorization": f"Bearer {good}"}, {"x-api-key": good}, {"authorization": f"bearer  {good} "},
                        {"Authorization": "Bearer nothing", "x-api-key": good}):
            assert edge.post("/api/chat", with_model(ASKED[0][1], MODEL), headers=headers).status == 200, headers
        for headers in ({}, {"Authorization": f"Bearer {good}x"}, {"x-api-key": watcher}, {"Authorization": "Bearer "}):
            for path, body in (ASKED[0], ASKED[3], ASKED[6]):
                reply = edge.post(path, with_model(body, MODEL), headers=headers)
                assert reply.status == 401 and b"API key" in reply.body, (headers, reply.body)
        assert edge.get("/").status == 200
        statistics = Client()
        statistics.port = port
        assert b"model_helper:latest" in statistics.get("/").body
        assert b'haproxy_server_status{proxy="model_helper:latest",server="two",state="UP"} 1' in statistics.get("/metrics").body


def test_clients_by_tls_keep_their_address(tmp_path):
    certificate(tmp_path / "tls", "edge.lan")
    both = tmp_path / "edge.pem"
    both.write_text((tmp_path / "tls/cert.pem").read_text() + (tmp_path / "tls/key.pem").read_text())
    one = Member(tmp_path / "one", 'proxy_protocol_from = ["127.0.0.1"]')
    with contextlib.ExitStack() as stack:
        stack.push(one)
        one.start(wait_ready=False)  # without the header its door is shut for this test too
        wait_until(lambda: is_ready(one), what="the box is ready")
        lines = f'certificate = "{both}"\nproxy_protocol = true'
        edge = stack.enter_context(RenderedEdge(tmp_path / "edge", [("one", one, 'models = ["sim"]')], lines))
        for number in (2, 3):
            line = http.client.HTTPSConnection("127.0.0.1", edge.port, timeout=60, context=trusting(tmp_path / "tls"),
                                               source_address=(f"127.0.0.{number}", 0))
            line.request("POST", "/api/chat", json.dumps(with_model(ASKED[0][1], MODEL)))
            assert line.getresponse().status == 200
            line.close()
            one.logged(rf"request id=\S+ .*client=127\.0\.0\.{number} ")


def test_an_edge_with_a_key_of_its_own_before_a_box_with_keys_and_tls(tmp_path):
    with make_box(tmp_path, tls=True) as box:
        box.wait_ready()
        lines = f'models = ["sim"]\ntls = true\nca_file = "{tmp_path}/tls/cert.pem"'
        keys = tmp_path / "edge-keys"
        made = subprocess.run([BIN / "corral", "key", "new", "bob", "--file", keys], capture_output=True, text=True, check=True)
        edge = RenderedEdge(tmp_path / "edge", [("one", box, lines)], f'keys = "{keys}"\nkey_variable = "CORRAL_EDGE_KEY"',
                            environment={"CORRAL_EDGE_KEY": box.key})
        with edge:
            for key, status in ((made.stdout.strip(), 200), (box.key, 401)):
                reply = edge.post("/api/chat", with_model(ASKED[0][1], MODEL), headers={"x-api-key": key})
                assert reply.status == status, reply.body
        box.logged(r"request id=\S+ .*client=anna ")


def test_the_boxes_are_asked_for_their_models(members, tmp_path):
    one, two = members
    with RenderedEdge(tmp_path / "edge", [("one", one, ""), ("two", two, "")], flags=["--ask"]) as edge:
        assert set(edge.servers("model_sim:latest")) == {"one", "two"}
        assert set(edge.servers("model_solo:latest")) == {"one"}
        assert set(edge.servers("model_helper:latest")) == {"two"}


def test_a_dead_box_costs_no_request_and_a_begun_answer_is_not_begun_again(tmp_path):
    with Member(tmp_path / "one") as one, Member(tmp_path / "two") as two:
        one.wait_ready()
        two.wait_ready()
        boxes = [(name, box, 'models = ["sim"]') for name, box in (("one", one), ("two", two))]
        with RenderedEdge(tmp_path / "edge", boxes) as edge:
            stream = edge.stream("[[n=3000]] a long answer")
            begun = [next(iter(stream))]
            busy = [agent(box.agent_port) != "ready up 100%\n" for box in (one, two)]
            assert sorted(busy) == [False, True]
            dies, stays = (one, two) if busy[0] else (two, one)
            answers = []
            others = [threading.Thread(target=lambda n=n: answers.append(edge.chat(f"[[n=30]] {n}").status)) for n in range(8)]
            for other in others:
                other.start()
            wait_until(lambda: answers, what="requests are under way")
            dies.process.kill()
            dies.process.wait()
            for other in others:
                other.join()
            assert answers == [200] * 8
            with contextlib.suppress(http.client.HTTPException, OSError, ValueError):  # the last line may be half a line
                for line in stream:
                    begun.append(line)
            assert not any(line["done"] for line in begun), "an end that the box did not tell"
            for number in range(4):
                assert edge.chat(f"[[text=after]] {number}").status == 200
            wait_until(lambda: edge.servers("model_sim:latest")["one" if dies is one else "two"][0] == "DOWN", what="it is away")
            assert not [run for run in stays.runs() if "a long answer" in json.dumps(run)]


def test_the_golden_file_is_a_configuration():
    """The unit tests hold it against the writer."""
    checked = subprocess.run(["haproxy", "-c", "-f", ROOT / "tests/boxes/haproxy_golden.cfg"], capture_output=True, text=True)
    assert checked.returncode == 0 and "[WARNING]" not in checked.stderr, checked.stderr


@pytest.mark.skipif(not shutil.which("keepalived"), reason="keepalived is not installed")
def test_the_page_shows_a_configuration_of_keepalived(tmp_path):
    page = (ROOT / "docs/fleet.md").read_text()
    rules = re.search(r"```keepalived\n(.*?)```", page, re.S).group(1)

    def complaints(text):
        file = tmp_path / "keepalived.conf"
        file.write_text(text)
        # Its status says little: 2.2.7 ends itself by SIGTERM, whatever it found.
        run = subprocess.run(["keepalived", "--config-test", "-f", file], capture_output=True, text=True, start_new_session=True)
        return run.stdout + run.stderr
    assert complaints(rules) == ""
    assert "nopreemptt" in complaints(rules.replace("nopreempt", "nopreemptt"))


def test_mistakes_in_the_list_are_named(tmp_path):
    file = tmp_path / "boxes.toml"
    file.write_text('[[box]]\nname = "one"\naddress = "10.0.0.1"\n')
    run = subprocess.run([BIN / "corral", "fleet", "render", file], capture_output=True, text=True)
    assert run.returncode == 2 and run.stdout == ""
    assert f"{file}:3:11: 'address' must be HOST:PORT" in run.stderr
    file.write_text('[[box]]\nname = "one"\naddress = "127.0.0.1:1"\n')
    run = subprocess.run([BIN / "corral", "fleet", "render", file], capture_output=True, text=True)
    assert run.returncode == 1 and run.stdout == "" and "--ask" in run.stderr
    run = subprocess.run([BIN / "corral", "fleet", "render", "--ask", file], capture_output=True, text=True)
    assert run.returncode == 1 and run.stdout == "" and "box 'one'" in run.stderr
