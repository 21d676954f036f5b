"""The API of the box itself: who may ask what, and that its answers are those of the command line."""

import json
import os
import re
import socket
import subprocess
import threading

import pytest

from admin_cli import done, status
from harness import BIN, Box, Unconfigured, wait_until
from keyed_box import bearer, scoped_key
from upgrade_box import UpgradeBox

ACTS = {"X-Corral-Action": "1"}
API = "/corral/v1"


@pytest.fixture
def box(tmp_path):
    """With keys of each scope."""
    one = Box(tmp_path, {"directives": True, "timing": {"tokens_per_second": 200}}, config='[access]\nkeys = "keys"\n')
    one.keys = {scope: scoped_key(tmp_path, scope, scope) for scope in ("inference", "observe", "operate")}
    one.keys["all"] = scoped_key(tmp_path, "all", "inference,observe,operate")
    one.headers = bearer(one.keys["all"])
    with one:
        yield one


def status_of(box, method, path, headers, body=None):
    return box.request(method, API + path, body, headers={"Authorization": "", **headers}).status


def logged_in(box, key):
    answer = box.request("POST", API + "/session", {"key": key}, headers={"Authorization": "", **ACTS})
    assert answer.status == 200, answer.body
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    return {"Authorization": "", "Cookie": cookie.split(";")[0]}


def events(box, path, count, headers=None, within=20, out=None):
    """The first `count` events, as (name, data), put into `out` as they come."""
    out = [] if out is None else out
    run = subprocess.Popen(["curl", "-sSN", "--noproxy", "*", "--max-time", str(within), f"http://127.0.0.1:{box.port}{API}{path}",
                            *[word for name, value in (headers or box.headers).items() for word in ("-H", f"{name}: {value}")]],
                           stdout=subprocess.PIPE, text=True)
    try:
        name = None
        for line in run.stdout:
            if line.startswith("event: "):
                name = line[7:].strip()
            elif line.startswith("data: "):
                out.append((name, json.loads(line[6:])))
                if len(out) >= count:
                    return out
        return out
    finally:
        run.kill()
        run.wait()


def test_each_scope_sees_and_does_what_it_may(box):
    asked = {"GET /status": "observe", "GET /requests": "observe", "GET /settings": "observe", "GET /incidents": "observe",
             "GET /keys": "operate", "GET /incidents/none.json": "operate", "POST /models/load": "operate",
             "POST /models/import": "operate", "DELETE /keys/nobody": "operate"}
    for what, needed in asked.items():
        method, path = what.split()
        body = {} if method == "POST" else None
        for scope in ("inference", "observe", "operate"):
            got = status_of(box, method, path, bearer(box.keys[scope]), body)
            assert (got == 403) == (scope != needed), (what, scope, got)
        assert status_of(box, method, path, {}, body) == 401
    shown = box.request("GET", API + "/session", headers=bearer(box.keys["observe"])).json
    assert (shown["scopes"], shown["key"], shown["keys_required"]) == (["observe"], "observe", True)


def test_a_browser_logs_in_acts_on_purpose_and_logs_out(box):
    cookie = logged_in(box, box.keys["all"])
    assert box.request("GET", API + "/status", headers=cookie).json["models"][0]["state"] == "ready"
    chat = {"model": "sim", "stream": False, "messages": [{"role": "user", "content": "[[text=by cookie]]"}]}
    assert box.request("POST", "/api/chat", chat, headers={**cookie, **ACTS}).json["message"]["content"] == "by cookie"
    # Another server of this host has set one of the same name: browsers send both, in any order.
    assert box.request("GET", API + "/status", headers={**cookie, "Cookie": "corral_session=x; " + cookie["Cookie"]}).status == 200
    # What a page of another site can make a browser send.
    assert box.request("POST", "/api/chat", chat, headers=cookie).status == 401
    for foreign in ({"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://localhost:3000"}):
        assert box.request("GET", API + "/status", headers={**cookie, **foreign}).status in (401, 403), foreign
        assert box.request("POST", API + "/models/unload", {"model": "sim"}, headers={**cookie, **ACTS, **foreign}).status in (401, 403)
    spoilt = {**cookie, "Cookie": cookie["Cookie"][:-1] + ("0" if cookie["Cookie"][-1] != "0" else "1")}
    assert box.request("GET", API + "/status", headers=spoilt).status == 401
    assert box.request("DELETE", API + "/session", headers={**cookie, **ACTS}).status == 204
    assert box.request("GET", API + "/status", headers=cookie).status == 401


def test_wrong_keys_are_counted(box):
    told = [box.request("POST", API + "/session", {"key": f"sk-{i}"}, headers={"Authorization": "", **ACTS}).status for i in range(9)]
    assert told == [401] * 8 + [429]


def test_a_key_is_made_used_and_revoked(box):
    made = box.request("POST", API + "/keys", {"name": "guest", "scopes": ["observe"]}, headers=ACTS).json
    assert made["key"].startswith("sk-corral-") and made["scopes"] == ["observe"]
    wait_until(lambda: status_of(box, "GET", "/status", bearer(made["key"])) == 200, what="the key is known")
    listed = box.request("GET", API + "/keys").json
    assert {"name": "guest", "scopes": ["observe"], "made_by": "all"} in listed["keys"] and made["key"] not in json.dumps(listed)
    assert box.request("POST", API + "/keys", {"name": "guest", "scopes": ["observe"]}, headers=ACTS).status == 409
    assert box.request("POST", API + "/keys", {"name": "a b", "scopes": ["observe"]}, headers=ACTS).status == 400
    assert box.request("DELETE", API + "/keys/guest", headers=ACTS).json == {"name": "guest", "had_made": []}
    wait_until(lambda: status_of(box, "GET", "/status", bearer(made["key"])) == 401, what="the key is gone")


def test_the_answers_are_those_of_the_command_line(box):
    told = box.request("GET", API + "/status").json
    printed = status(box)
    assert set(printed) == set(told)
    assert set(told["models"][0]) == set(printed["models"][0])
    found = box.request("POST", API + "/doctor", {}, headers=ACTS).json
    assert re.match(r"\d{4}-", found["at"]) and {"id", "severity", "what", "fix"} <= set(found["findings"][0])
    rows = [row for row in box.request("GET", API + "/settings").json["settings"] if "." not in row["key"]]
    assert {row["origin"] for row in rows} >= {"file", "default"}
    assert all((row["file"] is None) == (row["origin"] != "file") for row in rows)
    for row in rows:
        if row["file"] is None:
            continue
        assert open(row["file"]).read().splitlines()[row["line"] - 1].split()[0] == row["key"]


def test_a_box_without_a_configuration_is_examined_too(tmp_path):
    with Unconfigured(tmp_path) as box:
        found = box.request("POST", API + "/doctor", {}, headers=ACTS)
        assert found.status == 200 and "configuration.missing" in {one["id"] for one in found.json["findings"]}, found.body


def test_a_box_without_a_model_says_so_to_who_stops_them_all(tmp_path):
    with Unconfigured(tmp_path) as box:
        for verb in ("stop", "restart"):
            run = subprocess.run([BIN / "corral", verb], capture_output=True, text=True, timeout=60,
                                 env={**os.environ, **{name: str(box.folder) for name in ("HOME", "XDG_CONFIG_HOME", "RUNTIME_DIRECTORY")}})
            assert run.returncode == 0 and run.stdout.startswith("there is no model") and "none" not in run.stdout, run


def test_a_box_without_a_state_directory_says_that_it_keeps_no_incidents(tmp_path):
    class Stateless(Unconfigured):
        def start(self, **_):
            nobody = dict.fromkeys(("HOME", "XDG_STATE_HOME", "STATE_DIRECTORY"), "")
            return Box.start(self, wait_ready=False, environment={**nobody, "RUNTIME_DIRECTORY": str(self.folder)})

    with Stateless(tmp_path) as box:
        answer = box.request("GET", API + "/incidents/x.json")
        assert answer.status == 404 and "no state directory" in answer.json["error"], answer.body


def test_a_box_whose_configuration_is_gone_is_examined_too(box):
    box.config_file.unlink()
    found = box.request("POST", API + "/doctor", {}, headers=ACTS)
    assert found.status == 200, found.body
    assert [one for one in found.json["findings"] if one["id"] == "configuration.error" and str(box.config_file) in one["what"]], found.body


def test_changes_are_told_as_they_happen(box):
    names = [name for name, _ in events(box, "/events", 2)]
    assert sorted(names) == ["requests", "status"]
    seen = []
    follower = threading.Thread(target=events, args=(box, "/events", 400), kwargs={"out": seen, "within": 60}, daemon=True)
    follower.start()
    states = lambda: [data["models"][0]["state"] for name, data in seen if name == "status"]  # noqa: E731
    wait_until(states, what="the first picture")
    assert box.say("[[text=one]] go on") == "one"
    wait_until(lambda: any(row["outcome"] == "stop" for name, data in list(seen) if name == "requests" for row in data["recent"]),
               what="the request is told")
    for action, state in (("unload", "stopped"), ("load", "ready")):
        answer = box.request("POST", f"{API}/models/{action}", {"model": "sim"}, headers=ACTS)
        assert answer.status == 200, answer.body
        wait_until(lambda: states()[-1] == state, 20, f"{state} is told")


def test_who_waits_is_told_with_a_place(box):
    stream = box.stream("[[n=4000]] a long one")
    next(iter(stream))
    behind = [threading.Thread(target=box.say, args=(f"[[text={i}]] next",)) for i in range(3)]
    for one in behind:
        one.start()
    rows = wait_until(lambda: len(box.request("GET", API + "/requests").json["waiting"]) == 3 and
                      box.request("GET", API + "/requests").json, what="three wait")
    assert sorted(row["position"] for row in rows["waiting"]) == [1, 2, 3]
    assert rows["running"][0]["outcome"] == "running" and rows["running"][0]["stages"]
    assert "next" not in json.dumps(rows)
    stream.close()
    for one in behind:
        one.join()


def test_lines_of_services_are_for_operators(box):
    (name, line), = events(box, "/logs/stream?service=corral", 1, bearer(box.keys["observe"]))
    assert name == "line" and line["service"] == "corral" and line["text"]
    assert status_of(box, "GET", "/logs/stream?service=sim/runtime", bearer(box.keys["observe"])) == 403
    assert status_of(box, "GET", "/logs/stream?service=nothing", bearer(box.keys["all"])) == 404


def test_streams_end_when_the_server_does(box):
    run = subprocess.Popen(["curl", "-sSN", "--noproxy", "*", "--max-time", "60", f"http://127.0.0.1:{box.port}{API}/events", "-H",
                            f"Authorization: Bearer {box.keys['all']}"], stdout=subprocess.PIPE, text=True)
    assert run.stdout.readline() == "event: status\n"
    assert box.stop(timeout=15) == 0
    run.communicate(timeout=60)
    assert run.returncode in (0, 18), run.returncode


def test_an_upgrade_does_not_wait_for_those_who_watch(tmp_path):
    with UpgradeBox(tmp_path / "box") as box:
        box.wait_ready()
        watching = [subprocess.Popen(["curl", "-sSN", "--noproxy", "*", "--max-time", "60", f"http://127.0.0.1:{box.port}{API}/{path}"],
                                     stdout=subprocess.PIPE, text=True) for path in ("events", "logs/stream?service=sim/runtime")]
        for one in watching:
            assert one.stdout.readline().startswith("event: ")
        done(box, "upgrade")
        for one in watching:
            one.communicate(timeout=60)
        assert box.get(API + "/status").json["upgrade"]["under_way"] is False


def test_without_keys_the_machine_itself_may_and_no_page_of_others(tmp_path):
    with Box(tmp_path) as box:
        assert box.get(API + "/session").json == {"scopes": ["inference", "observe", "operate", "pull"], "key": None, "keys_required": False, "box": socket.gethostname(),
                                                  "version": box.get(API + "/session").json["version"]}
        assert box.get(API + "/status").status == 200
        for foreign in ({"Origin": "http://localhost:3000"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}):
            assert box.request("GET", API + "/status", headers=foreign).status == 403, foreign
        assert box.request("POST", API + "/doctor", {}).status == 403
        assert box.request("POST", API + "/doctor", {}, headers=ACTS).status == 200
        assert box.request("POST", API + "/keys", {"name": "a", "scopes": ["observe"]}, headers=ACTS).status == 409
        assert box.request("POST", API + "/models/import", {"folder": "relative"}, headers=ACTS).status == 400
        assert box.request("POST", API + "/models/load", {"model": "--all"}, headers=ACTS).status == 400
