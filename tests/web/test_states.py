"""Every view in every state of a box, on a desktop and on a phone: each must say something of use. Pictures go to the build tree."""

import contextlib
import json
import re
import subprocess

import pytest
from playwright.sync_api import expect

from admin_cli import done
from conftest import PATIENCE, PICTURES
from farm import Farm
from harness import BIN, Box, Unconfigured, wait_until
from keyed_box import new_key

VIEWS = ["overview", "chat", "requests", "models", "logs", "incidents", "health", "keys", "settings"]
WIDTHS = {"wide": (1280, 800), "phone": (390, 844)}
expect.set_options(timeout=PATIENCE)


def box_without_model(folder):
    box = Box(folder)
    box.config_file.write_text('log_level = "info"\n')
    return box


def farm(folder, count, model="", **more):
    return Farm(folder, {"alpha": {"mib": 600, "lines": f"cards = {list(range(count))}\ninstances = {count}\n{model}"}},
                device={"cards": count}, **more)


def begun(box, ready=True):
    box.start(wait_ready=ready)
    return box


@contextlib.contextmanager
def state(name, folder):
    """A box in that state, and the key that its reader shows."""
    boxes = {
        "no_configuration": lambda: Unconfigured(folder),
        "no_model": lambda: box_without_model(folder),
        "no_tool": lambda: Box(folder, model='[models.device]\nformat = "none"\n'),
        "left_out": lambda: box_without_model(folder),
        "ready": lambda: Box(folder, {"directives": True}),
        "loading": lambda: Box(folder, {"timing": {"load_ms": 600_000}}),
        "broken": lambda: Box(folder, runtime=["/nonexistent/runtime"]),
        "drained": lambda: Box(folder),
        "no_scope": lambda: Box(folder, config='[access]\nkeys = "keys"\n'),
        "looks_only": lambda: Box(folder, config='[access]\nkeys = "keys"\n'),
        "two_cards": lambda: farm(folder, 2),
        "eight_instances": lambda: farm(folder, 8),
        "one_of_two_broken": lambda: farm(folder, 2),
        "hundred_models": lambda: Farm(folder, {f"model{i:02}": {"mib": 10, "lines": "preload = false"} for i in range(100)}),
    }
    box, key = boxes[name](), None
    if name == "left_out":
        (folder / "models.d").mkdir()
        (folder / "models.d" / "lost.toml").write_text('name = "lost"\nprofile = "axera-poll"\n')
    if name in ("no_scope", "looks_only"):
        key = subprocess.run([BIN / "corral", "key", "new", "me", "--scope", {"no_scope": "inference"}.get(name, "observe"), "--file",
                              folder / "keys"], check=True, capture_output=True, text=True).stdout.strip()
        box.headers = {"Authorization": f"Bearer {new_key(box, 'all')}"}
    try:
        begun(box, ready=name not in ("no_configuration", "no_model", "left_out", "loading", "broken", "hundred_models"))
        if name == "broken":
            wait_until(lambda: box.get("/readyz").json["models"][0]["state"] == "broken", 60, "broken")
        if name == "drained":
            done(box, "drain")
        if name in ("two_cards", "eight_instances"):
            wait_until(lambda: all(one["state"] == "ready" for one in box.sets().values()), 60, "all are ready")
        if name == "one_of_two_broken":
            box.wait_set("alpha:latest@0")
            (folder / "package-alpha").rename(folder / "away")
            box.wait_set("alpha:latest@1")
            done(box, "restart", "alpha@1")
            wait_until(lambda: box.sets()["alpha:latest@1"]["state"] != "ready", 60, "one does not come back")
        yield box, key
    finally:
        box.__exit__()


# What its reader must find, of each view as a pattern; what a state says in a way of its own is below.
USUAL = {
    "overview": r"All is well\. \d+ models? ready",
    "chat": r"Ask anything",
    "requests": r"No requests since Corral started",
    "models": r"Import a folder on this box",
    "logs": r"[1-9]\d* of \d+ lines[\s\S]*\d\d:\d\d:\d\d",
    "incidents": r"No incidents recorded",
    "health": r"Checked at \d",
    "keys": r"This box requires no keys",
    "settings": r"(corral\.toml|environment)[\s\S]*\d+ more with default values",
}
NO_MODEL = {"overview": r"This box has no models yet\.\s+Add a model", "models": r"Get a model[\s\S]*qwen3:[\s\S]*Import a folder",
            "chat": "No chat model is configured"}
DENIED = dict.fromkeys(VIEWS, r"requires a key with the scope")
OWN = {
    "no_configuration": NO_MODEL,
    "no_model": NO_MODEL,
    "left_out": {"overview": r"No model is served: one has a mistake in its file[\s\S]*lost\.toml", "models": r"lost\.toml[\s\S]*'package' is missing",
                 "chat": "No chat model is configured"},
    "no_tool": {"overview": r"All is well\.[\s\S]*Cards\s+not monitored"},
    "loading": {"overview": r"A model is loading\.[\s\S]*sim:latest[\s\S]*loading[\s\S]*No model is ready", "models": r"loading[\s\S]*Unload"},
    "broken": {"overview": r"sim:latest can't be loaded: .*/nonexistent/runtime", "models": r"broken[\s\S]*Load", "chat": r"sim:latest can't be loaded", "incidents": r"runtime: "},
    "drained": {"overview": r"The box is drained"},
    "no_scope": {**DENIED, "chat": "Ask anything"},
    "looks_only": {"overview": USUAL["overview"], "chat": r"scope inference", "keys": r"scope operate",
                   "models": r"requires a key with the scope operate"},
    "two_cards": {"overview": r"1 model ready[\s\S]*cards 0, 1", "models": r"alpha:latest[\s\S]*card 0\s+ready\s+card 1\s+ready"},
    "eight_instances": {"overview": r"1 model ready[\s\S]*card 7\s+ready"},
    "one_of_two_broken": {"overview": r"alpha:latest@1", "models": r"card 0\s+ready", "incidents": r"(runtime|tokenizer): |No incidents"},
    "hundred_models": {"overview": r"No model is loaded[\s\S]*model00:latest[\s\S]*model99:latest", "models": r"model99:latest[\s\S]*Import a folder"},
}


def log_in(page, box, key):
    page.goto(f"http://127.0.0.1:{box.port}/ui")
    if key is not None:
        page.get_by_label("API key").fill(key)
        page.get_by_role("button", name="Log in").click()
    expect(page.locator(".connection[data-state=live]")).to_be_visible()


@pytest.mark.parametrize("name", OWN)
def test_every_view_says_something(page, tmp_path, name):
    PICTURES.mkdir(parents=True, exist_ok=True)
    faults = {}
    with state(name, tmp_path) as (box, key):
        log_in(page, box, key)
        for view in VIEWS:
            page.set_viewport_size(dict(zip(("width", "height"), WIDTHS["wide"])))
            page.evaluate("view => void (location.hash = '/' + view)", view)
            wanted = {**USUAL, **OWN[name]}[view]
            try:
                expect(page.locator("main")).to_have_text(re.compile(wanted), use_inner_text=True, timeout=60_000 if view == "health" else PATIENCE)
            except AssertionError:
                faults[view] = f"no {wanted!r} in {page.locator('main').inner_text()[:1500]!r}"
            expect(page.get_by_text("Loading …")).to_have_count(0, timeout=60_000)
            for width, size in WIDTHS.items():
                page.set_viewport_size(dict(zip(("width", "height"), size)))
                page.screenshot(path=PICTURES / f"{name}-{view}-{width}.png", full_page=name != "hundred_models")
                if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                    faults[f"{view} {width}"] = "wider than the window"
                if page.get_by_text("can't be shown").count():
                    faults[f"{view} {width}"] = page.locator("main").inner_text()[:500]
    assert faults == {}


def test_each_model_is_one_row_and_each_card_is_shown_once(page, tmp_path):
    with state("two_cards", tmp_path) as (box, key):
        log_in(page, box, key)
        expect(page.get_by_role("region", name="Models").locator("tbody tr")).to_have_count(1)
        expect(page.locator(".cards .card")).to_have_count(2)


def test_what_a_box_leaves_out_costs_its_own_part_alone(page, tmp_path):
    """A page and a box of different versions: one part says what is missing, the others are there."""
    with state("ready", tmp_path) as (box, _):
        told = box.get("/corral/v1/status").json
        for missing in told:
            less = {name: value for name, value in told.items() if name != missing}
            page.route("**/corral/v1/events", lambda route, _request, body=less: route.fulfill(
                content_type="text/event-stream", body=f"event: status\ndata: {json.dumps(body)}\n\n"))
            page.goto(f"http://127.0.0.1:{box.port}/ui?{missing}")
            expect(page.locator("main .panel").first).to_be_visible()
            expect(page.get_by_role("navigation")).to_be_visible()
            text = page.locator("main").inner_text()
            assert "Version" in text or missing in ("version", "pid", "uptime_seconds", "queue"), (missing, text)
            page.unroute("**/corral/v1/events")
