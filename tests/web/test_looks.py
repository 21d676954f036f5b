"""How each page looks, wide and on a phone, light and dark: pictures for people, and what a program can judge, by axe-core."""

import pathlib
import re
import socket

import pytest
from playwright.sync_api import expect

from admin_cli import done
from conftest import PATIENCE, PICTURES, WEB
from harness import Box

PAGES = ["overview", "chat", "requests", "models", "logs", "incidents", "health", "keys", "settings"]
LOOKS = {"wide": (1280, 800, "light"), "dark": (1280, 800, "dark"), "phone": (390, 844, "light")}
AXE = (pathlib.Path(WEB) / "node_modules/axe-core/axe.min.js").read_text()
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with Box(tmp_path_factory.mktemp("box"), {"directives": True}, model='capabilities = ["completion", "thinking", "tools"]',
             family="qwen3") as running:
        running.kill("runtime")
        running.logged("ready.*event=service.ready")
        running.wait_ready()
        running.say("[[n=12]]")
        yield running


def settled(page, name):
    """The page has what it asked for."""
    expect(page.get_by_text("Loading …")).to_have_count(0, timeout=60_000)
    if name == "chat":
        page.get_by_label("Message").fill("[[text=# Title\n\nSome **bold** text, `code` and a list:\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |]]")
        page.get_by_role("button", name="Send").click()
        expect(page.locator(".figures").last).to_be_visible()
    if name == "logs":
        expect(page.get_by_role("log")).to_contain_text("event=service.ready")
    if name == "incidents":
        page.locator("main button.link").first.click()
        expect(page.locator(".timeline li").first).to_be_visible()


def faults_of(page, rules=None):
    """By all rules, or by the named ones."""
    page.evaluate(AXE)
    wanted = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
    found = page.evaluate("wanted => axe.run(document, wanted)", wanted)["violations"]
    return [f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}" for one in found]


@pytest.mark.parametrize("look", LOOKS)
def test_each_page(box, page, see, look):
    width, height, scheme = LOOKS[look]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    PICTURES.mkdir(parents=True, exist_ok=True)
    faults = {}
    for name in PAGES:
        see(box, name)
        settled(page, name)
        page.screenshot(path=PICTURES / f"{name}-{look}.png")
        # In the dark only the colours differ.
        faults[name] = faults_of(page, ["color-contrast"] if look == "dark" else None)
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            faults[name].append("wider than the window")
    assert faults == {name: [] for name in PAGES}


def test_by_the_keyboard_alone(box, page, see):
    see(box, "overview")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Chat")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Message")).to_be_visible()
    expect(page.locator("#main")).to_be_focused()


def test_a_screen_reader_is_told_what_each_thing_is(box, page, see):
    """The tree that the browser gives to a screen reader: a heading first, and nothing to use without a name."""
    nameless = {}
    for name in PAGES:
        see(box, name)
        settled(page, name)
        tree = page.locator("body").aria_snapshot()
        assert re.search(rf'- heading "{name}.*" \[level=1\]', tree, re.I), tree
        assert "- main" in tree and "- navigation" in tree, tree
        used = "button|link|textbox|searchbox|checkbox|combobox|region|progressbar|img|dialog|log"
        nameless[name] = [line.strip() for line in tree.splitlines() if re.match(rf"\s*- ({used})(?! \")(\b.*)?$", line)]
    assert nameless == {name: [] for name in PAGES}


def test_no_request_leaves_the_box_and_the_page_is_small(box, page, see):
    asked = []
    page.on("response", lambda response: asked.append(response))
    see(box, "overview")
    files = [one for one in asked if "/ui" in one.url]
    assert {one.headers.get("content-encoding") for one in files if one.url.endswith((".js", ".css"))} == {"gzip"}
    total = sum(int(one.headers.get("content-length", 0)) for one in files)
    assert 0 < total < 120_000, total
    policy = files[0].headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy


def test_the_box_has_a_name_a_logo_and_colours_of_its_maker(tmp_path, page):
    with Box(tmp_path, config='[box]\nname = "Kitchen <1>"\n') as box:
        page.goto(f"http://127.0.0.1:{box.port}/ui")
        expect(page).to_have_title("Overview – Kitchen <1>")
        expect(page.locator(".brand")).to_have_text("Kitchen <1>")
        assert box.get("/corral/v1/status").json["name"] == box.get("/corral/v1/session").json["box"] == "Kitchen <1>"
        assert "on Kitchen <1>, process" in done(box, "status") and 'box="Kitchen <1>"' in box.get("/metrics").body.decode()
        assert "Corral support file of Kitchen--1-" in done(box, "support", "--output", "-")[:200]
        accent = "getComputedStyle(document.documentElement).getPropertyValue('--accent').trim()"
        assert page.evaluate(accent) != "#0a7d4b"
        (tmp_path / "page").mkdir()
        (tmp_path / "page" / "brand.css").write_text(":root:root { --accent: #0a7d4b; }\n")
        (tmp_path / "page" / "logo.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="300" height="20"><script>window.hit=1</script></svg>')
        (tmp_path / "page" / "index.html").write_text("not ours")
        box.stop()
        box.start()
        page.goto(f"http://127.0.0.1:{box.port}/ui?again")
        expect(page.locator(".brand")).to_have_text("Kitchen <1>")
        assert page.evaluate(accent) == "#0a7d4b"
        assert page.evaluate("document.querySelector('.brand img').naturalWidth") == 300
        assert page.evaluate("window.hit ?? null") is None


def test_the_name_is_the_hosts_unless_the_file_says_another(tmp_path):
    with Box(tmp_path) as box:
        assert box.get("/corral/v1/status").json["name"] == socket.gethostname()
