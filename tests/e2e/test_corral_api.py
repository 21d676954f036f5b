"""The API of the box itself against its document (share/ui/openapi.json), and against clients that mean harm."""

import concurrent.futures
import copy
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time

import jsonschema
import pytest

from admin_cli import services_of
from harness import BIN, ROOT, Box, wait_until
from keyed_box import bearer, scoped_key

API = "/corral/v1"
ACTS = {"X-Corral-Action": "1"}
DOCUMENT = json.loads((ROOT / "share" / "ui" / "openapi.json").read_text())
NOBODY = {"Authorization": ""}


def closed(schema):
    """The schema, which takes no field that it does not name: clients must accept those, the document must have them."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    out = {name: closed(each) for name, each in schema.items()}
    if "properties" in out and isinstance(out["properties"], dict) and "type" in out:
        out.setdefault("additionalProperties", False)
    return out


CLOSED = closed(copy.deepcopy(DOCUMENT))


def fits(value, schema):
    faults = jsonschema.Draft202012Validator({**schema, "components": CLOSED["components"]}).iter_errors(value)
    told = [f"{fault.json_path}: {fault.message[:300]}" for fault in faults]
    assert not told, told


def resolved(response):
    return CLOSED["components"]["responses"][response["$ref"].rpartition("/")[2]] if "$ref" in response else response


class Checked:
    """Asks the box and holds each answer against the document."""

    def __init__(self, box):
        self.box, self.asked = box, set()

    def operation(self, method, template):
        self.asked.add((method, template))
        return CLOSED["paths"][template][method.lower()]

    def ask(self, method, template, body=None, headers=None, **places):
        told = self.operation(method, template)
        answer = self.box.request(method, API + template.format(**places), body, headers={**ACTS, **(headers or {})})
        assert str(answer.status) in told["responses"], (method, template, answer.status, answer.body)
        response = resolved(told["responses"][str(answer.status)])
        if "content" not in response:
            assert answer.body == b"", answer.body
            return answer
        assert answer.headers["Content-Type"].split(";")[0] in response["content"], answer.headers
        fits(answer.json, response["content"]["application/json"]["schema"])
        for name in response.get("headers", {}):
            assert name in answer.headers, (template, name)
        assert answer.headers["Cache-Control"] == "no-store", (template, answer.headers)
        return answer

    def events(self, template, query="", within=30):
        """(name, data) of each event, without end."""
        told = self.operation("GET", template)
        kinds = told["responses"]["200"]["content"]["text/event-stream"]["x-events"]
        connection = self.box.connect(timeout=within)
        try:
            connection.request("GET", API + template + query, headers=self.box.headers)
            response = connection.getresponse()
            assert response.status == 200 and response.getheader("Content-Type") == "text/event-stream"
            name = None
            for line in response:
                if line.startswith(b"event: "):
                    name = line[7:].decode().strip()
                elif line.startswith(b"data: "):
                    data = json.loads(line[6:])
                    fits(data, kinds[name])
                    yield name, data
        finally:
            connection.close()


def keyed(folder, config=""):
    box = Box(folder, {"directives": True, "timing": {"tokens_per_second": 200}}, config='[access]\nkeys = "keys"\n' + config)
    box.keys = {scope: scoped_key(folder, scope, scope) for scope in ("inference", "observe", "operate")}
    box.headers = bearer(scoped_key(folder, "all", "inference,observe,operate"))
    return box


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with keyed(tmp_path_factory.mktemp("box")) as shared:
        yield shared


@pytest.fixture(scope="module")
def crashed(box):
    """The box after an answer and a crash of the runtime."""
    assert box.say("[[text=hello]]") == "hello"
    os.kill(services_of(box)["runtime"]["pid"], signal.SIGKILL)
    wait_until(lambda: box.get(API + "/incidents").json["incidents"], 60, "a bundle")
    box.wait_ready()
    return box


def test_each_answer_is_as_the_document_says(crashed, tmp_path):
    box = crashed
    checked = Checked(box)
    stream = box.stream("[[n=4000]] a secret of mine")
    next(iter(stream))
    with concurrent.futures.ThreadPoolExecutor() as others:
        waits = others.submit(box.say, "[[text=second]] another secret")

        def both():
            now = checked.ask("GET", "/requests").json
            return now if now["waiting"] and now["running"] else None

        rows = wait_until(both, what="one runs, one waits")
        assert "secret" not in json.dumps(rows)
        status = checked.ask("GET", "/status").json
        assert status["queue"] == {"waiting": 1, "running": 1}
        told = {}
        for name, data in checked.events("/events"):
            told[name] = data
            if {"status", "requests"} <= set(told):
                break
        assert "secret" not in json.dumps(told)
        stream.close()
        assert waits.result() == "second"
    for name, line in checked.events("/logs/stream"):
        if name == "line" and line["service"] == "runtime":
            break
    assert checked.ask("GET", "/session").json["key"] == "all"
    assert checked.ask("GET", "/settings").json["settings"]
    assert checked.ask("GET", "/openapi.json").json == DOCUMENT
    assert box.say("[[n=24]]")
    assert checked.ask("GET", "/speeds").json["models"][0]["days"][0]["with"]["Corral"]
    assert checked.ask("POST", "/doctor", {}).json["findings"]
    incident = checked.ask("GET", "/incidents").json["incidents"][0]
    bundle = checked.ask("GET", "/incidents/{name}", name=incident["name"]).json
    assert bundle["trigger"]["sentence"] == incident["sentence"]
    assert checked.ask("POST", "/drain").json["left"] == 0
    assert checked.ask("GET", "/status").json["drained"] is True
    assert checked.ask("POST", "/undrain").json["ok"] is True
    assert checked.ask("GET", "/status").json["drained"] is False
    assert checked.ask("POST", "/reload", {}).json["unchanged"] == ["sim:latest"]
    written = box.config_file.read_text()
    box.config_file.write_text(written + "listen = 7\n")
    refused = checked.ask("POST", "/reload", {})
    assert refused.status == 409 and refused.json["errors"], refused.body
    box.config_file.write_text(written)
    for path in ("/upgrade", "/page-link"):
        assert checked.ask("POST", path, {}).status == 403, "for the admin socket alone"
    for lines in ("abc", "5x", "-1", "10001"):
        assert box.get(f"/corral/v1/logs/stream?follow=0&lines={lines}").status == 400, lines
    for name, data in checked.events("/logs/stream", "?lines=5&follow=0"):
        assert name in ("line", "routine")
    old = services_of(box)["runtime"]["pid"]
    for action in ("load", "unload", "restart"):
        assert checked.ask("POST", f"/models/{action}", {"model": "nobody"}).status == 404
        assert checked.ask("POST", f"/models/{action}", {"model": 7}).status == 400
        assert checked.ask("POST", f"/models/{action}", {}).status == 400
        assert checked.ask("POST", f"/models/{action}", {"model": "sim:latest"}).status == 200

    def restarted():
        now = services_of(box)["runtime"]
        return now["state"] == "ready" and now["pid"] != old

    wait_until(restarted, 60, "the runtime is restarted")
    for action in ("pin", "unpin", "remove"):
        refused = checked.ask("POST", f"/models/{action}", {"model": "sim:latest"})
        assert refused.status == 409 and "[[models]] table" in refused.json["error"], "a model of the configuration file"
        assert checked.ask("POST", f"/models/{action}", {"model": "--yes"}).status == 400
    assert [one["fits"] for one in checked.ask("GET", "/catalogue").json["models"]].count(True) > 0
    assert checked.ask("GET", "/packages").json["removed"] == []
    assert checked.ask("POST", "/models/pull", {"model": "http://127.0.0.1/x/y"}).status == 400
    looked = checked.ask("POST", "/models/import", {"folder": str(box.package), "dry_run": True}).json
    assert looked["manifest"] and not looked["written"]
    (tmp_path / "none").mkdir()
    looked = checked.ask("POST", "/models/import", {"folder": str(tmp_path / "none"), "dry_run": True}).json
    assert looked["findings"] and not looked["manifest"]
    made = checked.ask("POST", "/keys", {"name": "guest", "scopes": ["observe"]}).json
    # The server learns of it a moment after.
    wait_until(lambda: "guest" in [each["name"] for each in checked.ask("GET", "/keys").json["keys"]], what="the key is listed")
    assert checked.ask("POST", "/keys", {"name": "guest", "scopes": ["observe"]}).status == 409
    assert checked.ask("POST", "/keys", {"name": "guest", "scopes": ["all"]}).status == 400
    assert checked.ask("POST", "/session", {"key": made["key"]}, NOBODY).json["scopes"] == ["observe"]
    assert checked.ask("POST", "/session", {"key": "sk-corral-wrong"}, NOBODY).status == 401
    assert checked.ask("DELETE", "/session", headers=NOBODY).status == 204
    assert checked.ask("DELETE", "/keys/{name}", name="guest").status == 200
    assert checked.ask("DELETE", "/keys/{name}", name="nobody").status == 409
    documented = {(method.upper(), template) for template, methods in DOCUMENT["paths"].items() for method in methods}
    assert checked.asked == documented


def test_what_is_no_address_is_refused_in_json(crashed):
    for method, path, status in (("GET", "/nothing", 404), ("POST", "/models/eat", 404), ("GET", "/keys/a/b", 404),
                                 ("DELETE", "/status", 405), ("GET", "/models/load", 405)):
        answer = crashed.request(method, API + path, headers=ACTS)
        assert answer.status == status and answer.headers["Content-Type"].startswith("application/json"), (path, answer.body)
        fits(answer.json, CLOSED["components"]["schemas"]["Error"])
        assert ("Allow" in answer.headers) is (status == 405)


def test_refusals_are_as_the_document_says(crashed):
    checked = Checked(crashed)
    for template, methods in DOCUMENT["paths"].items():
        for method, told in methods.items():
            if told["x-scope"] in ("none", "any"):
                continue
            body = {} if method == "post" else None
            named = {"name": "none.json"}
            nobody = checked.ask(method.upper(), template, body, NOBODY, **named)
            unable = checked.ask(method.upper(), template, body, bearer(crashed.keys["inference"]), **named)
            assert (nobody.status, unable.status) == (401, 403), (method, template)
            assert "advice" in unable.json, template
    assert checked.ask("GET", "/incidents/{name}", name="none.json").status == 404


def test_the_document_has_every_route():
    routes = set()
    for source in (ROOT / "src" / "api" / "box").glob("*.cpp"):
        routes |= set(re.findall(r'routes\.add\(\s*"([A-Z]+)",\s*"/corral/v1(/[^"]*)"', source.read_text()))
    documented = {(method.upper(), re.sub(r"\{\w+\}", "*", template)) for template, methods in DOCUMENT["paths"].items()
                  for method in methods}
    assert routes == documented


def test_what_a_page_of_another_site_can_send_changes_nothing(box):
    told = box.request("POST", API + "/session", {"key": bearer_word(box)}, headers={**NOBODY, **ACTS})
    cookie = {**NOBODY, "Cookie": told.headers["Set-Cookie"].split(";")[0]}
    pid = services_of(box)["runtime"]["pid"]
    body = json.dumps({"model": "sim:latest"})
    for foreign in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"},
                    {**ACTS, "Origin": "https://evil.example"}, {**ACTS, "Origin": "null"}, {**ACTS, "Sec-Fetch-Site": "cross-site"},
                    {**ACTS, "Sec-Fetch-Site": "same-site"}, {**ACTS, "Origin": f"http://127.0.0.1.evil.example:{box.port}"}):
        answer = box.request("POST", API + "/models/restart", body, headers={**cookie, **foreign})
        assert answer.status in (401, 403), (foreign, answer.status, answer.body)
        assert "Access-Control-Allow-Origin" not in answer.headers, foreign
    asked = box.request("OPTIONS", API + "/models/restart", headers={
        **NOBODY, "Origin": "https://evil.example", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-corral-action"})
    assert "Access-Control-Allow-Origin" not in asked.headers, asked.headers
    assert services_of(box)["runtime"]["pid"] == pid


def bearer_word(box):
    return box.headers["Authorization"].removeprefix("Bearer ")


def test_no_cookie_can_be_made_from_another(box):
    told = box.request("POST", API + "/session", {"key": box.keys["observe"]}, headers={**NOBODY, **ACTS})
    assert told.status == 200, told.body
    value = told.headers["Set-Cookie"].split(";")[0].removeprefix("corral_session=")
    name, until, mark = value.split("~")
    assert box.keys["observe"] not in told.headers["Set-Cookie"]

    def status(cookie):
        return box.request("GET", API + "/status", headers={**NOBODY, "Cookie": cookie}).status

    assert status(f"corral_session={value}") == 200
    assert status(f"a=b; corral_session={value}; c") == 200
    later = str(int(until) + 1)
    for wrong in (f"all~{until}~{mark}", f"{name}~{later}~{mark}", f"{name}~{until}~", f"{name}~{until}", f"{name}~-1~{mark}", "~~", "~" * 2000,
                  f"{name}~{until}~{mark}~", f"{name}~{until}~{mark[:-1]}", f"{name}~{until}~{'0' * len(mark)}", f"{name}~{'9' * 40}~{mark}",
                  f"{name}~{until}~{mark.upper()}", f"observe~{until}~{mark}x", '"' + value + '"'):
        assert status(f"corral_session={wrong}") == 401, wrong
    assert status(f"Corral_Session={value}") == 401
    assert status("; ".join(f"c{n}={n}" for n in range(500))) in (401, 431)
    # One that has ended stays so, however often it is shown.
    ended = {**NOBODY, **ACTS, "Cookie": f"corral_session={value}"}
    assert box.request("DELETE", API + "/session", headers=ended).status == 204
    assert [status(f"corral_session={value}") for _ in range(3)] == [401] * 3


def test_a_revoked_key_takes_its_sessions_with_it(box):
    made = box.request("POST", API + "/keys", {"name": "brief", "scopes": ["observe"]}, headers=ACTS).json["key"]

    wait_until(lambda: box.request("GET", API + "/status", headers=bearer(made)).status == 200, what="the key is known")
    told = box.request("POST", API + "/session", {"key": made}, headers={**NOBODY, **ACTS})
    assert told.status == 200, told.body
    cookie = {**NOBODY, "Cookie": told.headers["Set-Cookie"].split(";")[0]}
    assert box.request("GET", API + "/status", headers=cookie).status == 200
    streams = []
    for path, headers in (("/events", cookie), ("/logs/stream?service=corral", bearer(made))):
        connection = http.client.HTTPConnection("127.0.0.1", box.port, timeout=10)
        connection.request("GET", API + path, headers=headers)
        streams.append((connection, connection.getresponse()))
        assert streams[-1][1].readline().startswith(b"event: ")
    assert box.request("DELETE", API + "/keys/brief", headers=ACTS).status == 200
    wait_until(lambda: box.request("GET", API + "/status", headers=cookie).status == 401, what="the session is over")
    box.say("[[text=a change and a line]]")
    for connection, stream in streams:
        end = time.monotonic() + 20
        while stream.readline():
            assert time.monotonic() < end, "it goes on"
        connection.close()


def test_bodies_and_names_that_mean_harm_are_refused(box):
    def ask(path, body):
        return box.request("POST", API + path, body, headers=ACTS)

    for body in (b"", b"[]", b"null", b"7", b"{", b'{"model":' + b"[" * 5000, b'{"model":"' + b"a" * 100_000 + b'"}', b"\xff\xfe", b'{"model":null}',
                 b'{"model":["sim"]}', b'{"model":"--all"}', b'{"model":"-f"}', b'{"model":"a\\u0000b"}'):
        for action in ("load", "remove"):
            answer = ask(f"/models/{action}", body)
            assert answer.status in (400, 413), (action, body[:40], answer.status, answer.body)
            assert answer.json["error"]
    for folder in ("", "relative", "../up", "--force", "/etc\0/passwd", 7, None, ["/"]):
        assert ask("/models/import", {"folder": folder}).status == 400, folder
    assert ask("/models/import", {"folder": "/nowhere", "name": "--force"}).status == 400
    for name in ("", "a b", "a\nb ed25519", "../x", "a" * 65, "<script>", "#", "é", None, 7):
        assert ask("/keys", {"name": name, "scopes": ["observe"]}).status == 400, name
    for scopes in ([], "observe", ["root"], [7], None, ["observe "], [["observe"]]):
        assert ask("/keys", {"name": "n", "scopes": scopes}).status == 400, scopes
    names = [each["name"] for each in box.get(API + "/keys").json["keys"]]
    assert "n" not in names
    for name in ("..%2f..%2fkeys", "%2e%2e%2fkeys", "....json", "-x.json", "%00.json", "a" * 3000 + ".json", "%ff.json"):
        answer = box.get(f"{API}/incidents/{name}")
        assert answer.status in (400, 404, 414), (name, answer.status, answer.body)
    for query in ("service=nothing", "service=%00", "service=" + "a" * 5000, "service=sim/nothing", "service=--json"):
        answer = box.get(f"{API}/logs/stream?{query}") if "a" * 5000 not in query else None
        assert answer is None or answer.status == 404, (query, answer.status)
    assert box.say("[[text=still here]]") == "still here"


def test_a_name_that_leads_here_only_now_gets_nothing(tmp_path):
    """DNS rebinding, on a box without keys that listens beyond loopback."""
    with Box(tmp_path, config="allow_unauthenticated = true\n", listen="0.0.0.0:0") as box:
        assert box.get(API + "/status").status == 200
        for host in ("evil.example", f"evil.example:{box.port}", "127.0.0.1.evil.example", "localhost.evil.example"):
            for path in ("/status", "/events", "/keys", "/settings", "/logs/stream"):
                assert box.request("GET", API + path, headers={"Host": host}).status in (400, 403), (host, path)
            assert box.request("POST", API + "/models/unload", {"model": "sim:latest"}, headers={"Host": host, **ACTS}).status in (400, 403)
        # A proxy on this machine asks for somebody else, whoever that says to be.
        assert box.request("GET", API + "/status", headers={"X-Forwarded-For": "127.0.0.1"}).status == 403
        assert services_of(box)["runtime"]["state"] == "ready"


def test_no_client_takes_the_streams_of_all(box):
    """One key opens as many as it may; another still gets one, and all are given back."""
    held = []

    def open_one(headers):
        connection = http.client.HTTPConnection("127.0.0.1", box.port, timeout=30)
        connection.request("GET", API + "/events", headers=headers)
        answer = connection.getresponse()
        held.append(connection)
        return answer.status

    mine = bearer(box.keys["observe"])
    try:
        got = [open_one(mine) for _ in range(30)]
        assert got.count(200) == 24 and set(got) == {200, 503}, got
        assert open_one(box.headers) == 200
    finally:
        for connection in held:
            if connection.sock:
                connection.sock.shutdown(socket.SHUT_RDWR)
            connection.close()
    connection = None

    def again():
        status = open_one(mine)
        held.pop().close()
        return status == 200

    wait_until(again, what="a place is free again")


def elsewhere(box, *words, **environment):
    """`corral WORDS` without a word of where the daemon is but its address."""
    return subprocess.run([BIN / "corral", *words, "--url", f"http://127.0.0.1:{box.port}"], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "XDG_STATE_HOME": str(box.folder / "elsewhere"), **environment})


def test_the_command_line_asks_another_machine(box, tmp_path):
    box.wait_ready()
    (tmp_path / "key").write_text(bearer_word(box) + "\n")
    told = elsewhere(box, "status", "--json", "--key-file", tmp_path / "key")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["models"][0]["name"] == "sim:latest"
    told = elsewhere(box, "status", OLLAMA_API_KEY=box.keys["observe"])
    assert told.returncode == 0 and "sim:latest" in told.stdout, told.stderr
    for words, environment, why in ((["status"], {"OLLAMA_API_KEY": ""}, "requires an API key"),
                                    (["status"], {"OLLAMA_API_KEY": "sk-corral-wrong"}, "does not accept this key"),
                                    (["restart", "sim"], {"OLLAMA_API_KEY": box.keys["observe"]}, "no scope 'operate'"),
                                    (["restart"], {"OLLAMA_API_KEY": bearer_word(box)}, "name one model"),
                                    (["stop", "nobody"], {"OLLAMA_API_KEY": bearer_word(box)}, "there is no model 'nobody'")):
        refused = elsewhere(box, *words, **environment)
        assert refused.returncode == 1 and why in refused.stderr, (words, refused.stdout, refused.stderr)
    assert elsewhere(box, "start", "sim", OLLAMA_API_KEY=bearer_word(box)).stdout == "sim:latest: starting\n"
    loaded = elsewhere(box, "ps", "--json", OLLAMA_API_KEY=box.keys["observe"])
    assert [one["name"] for one in json.loads(loaded.stdout)["models"]] == ["sim:latest"], loaded.stderr
    assert json.loads(loaded.stdout)["models"][0]["size_bytes"] > 0, loaded.stdout
    found = elsewhere(box, "doctor", "--json", OLLAMA_API_KEY=box.keys["observe"])
    assert "daemon.running" in [one["id"] for one in json.loads(found.stdout)], found.stderr
    refused = elsewhere(box, "pin", "sim", OLLAMA_API_KEY=bearer_word(box))
    assert refused.returncode == 1 and "no manifest of its own" in " ".join(refused.stderr.split()), refused.stderr
    before = subprocess.run([BIN / "corral", "--url", f"http://127.0.0.1:{box.port}", "--key-file", tmp_path / "key", "status"],
                            capture_output=True, text=True, timeout=60)
    assert before.returncode == 0 and "sim:latest" in before.stdout, before.stderr
