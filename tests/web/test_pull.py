"""From an empty box to a model that answers, with a browser alone: found, fetched, stopped, gone on with, removed with its files."""

import json
import pathlib
import re
import subprocess

import pytest
from playwright.sync_api import expect

from conftest import CHROMIUM, PATIENCE, WEB
from harness import wait_until
from pull_box import NAME
from test_firefox import FIREFOX
from test_looks import faults_of
from test_pull_crash import BIG, FOLDER, HubBox

expect.set_options(timeout=PATIENCE)


@pytest.fixture
def box(tmp_path):
    with HubBox(tmp_path / "Ein Büro mit Käse") as one:
        yield one


def begin(page, box):
    page.goto(f"http://127.0.0.1:{box.port}/ui")
    page.get_by_role("link", name="Add a model").click()
    row = page.locator(".catalogue tbody tr").filter(has_text=NAME)
    expect(row.first).to_contain_text("MIT")
    return row.first


def test_an_empty_box_gets_a_model_that_answers(box, page):
    row = begin(page, box)
    page.get_by_label("Search the catalogue").fill("nothing-of-the-kind")
    expect(page.get_by_text("The catalogue has no such model for this box.")).to_be_visible()
    page.get_by_label("Search the catalogue").fill("QWEN3 4b")
    row.get_by_role("button", name=f"Get {NAME}").click()
    bar = page.get_by_role("progressbar", name=f"Downloading {NAME}")
    expect(bar).to_have_attribute("aria-valuetext", re.compile(r"[4-7]\d %, .* MB of .* MB, .*/s"))
    assert faults_of(page) == []
    # It goes on while another page is looked at.
    page.get_by_role("link", name="Overview").click()
    expect(bar).to_be_visible()
    expect(page.get_by_text("This box has no models yet.")).to_have_count(0)
    page.get_by_role("button", name=f"Cancel {NAME}").click()
    expect(page.get_by_text("Stopped. The partial download is kept on the box.")).to_be_visible()
    wait_until(lambda: "event=pull.left" in box.log.read_text(), 60, "the box has stopped too")
    box.hurry()
    page.reload()
    page.get_by_role("button", name=f"Resume {NAME}").click()
    expect(page.get_by_text(f"{NAME} is installed.")).to_be_visible(timeout=60_000)
    fetched = [one for _, _, path, one, _ in box.hub.requests if path.endswith("big.bin")]
    assert fetched[-1] and fetched[-1].startswith("bytes="), fetched
    page.get_by_role("link", name="Ask it something").click()
    page.get_by_label("Message").fill("Hello")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("article.assistant .figures")).to_be_visible(timeout=60_000)
    expect(page.get_by_label("Message")).to_be_focused()
    page.get_by_role("link", name="Models").click()
    expect(page.get_by_text(f"{NAME} is installed.")).to_have_count(0)
    expect(page.locator(".catalogue tbody tr").filter(has_text=NAME).first).to_contain_text("installed")
    page.get_by_role("button", name=f"Update {NAME}").click()
    expect(page.get_by_text(f"{NAME} is installed.")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name=f"Remove {NAME}").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Also delete its files (frees")).to_be_checked()
    assert float(dialog.inner_text().split("frees ")[1].split(" MB")[0]) > BIG / 1e6
    dialog.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("button", name=f"Get {NAME}")).to_be_visible(timeout=60_000)
    wait_until(lambda: not (box.store / FOLDER).exists(), 20, "its files are gone")
    expect(page.get_by_text(f"{NAME} is installed.")).to_have_count(0)


def test_by_the_keyboard_alone_and_a_failure_says_what_to_do(box, page):
    box.hub.fault = lambda kind, *_: "403" if kind == "revision" else None
    begin(page, box)
    page.get_by_label("Search the catalogue").focus()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('aria-label')") == f"Get {NAME}":
            break
    page.keyboard.press("Enter")
    expect(page.locator(".pulls [role=alert]")).to_contain_text("token")
    box.hub.fault = lambda *_: None
    box.hurry()
    expect(page.get_by_role("button", name=f"Resume {NAME}")).to_be_visible()
    page.get_by_role("button", name=f"Resume {NAME}").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"{NAME} is installed.")).to_be_visible(timeout=60_000)


@pytest.mark.parametrize("browser", ["chrome", "firefox"])
def test_the_whole_way_by_keys_in_both_browsers(box, browser):
    program = {"chrome": CHROMIUM, "firefox": FIREFOX}[browser]
    if not program.exists():
        pytest.skip(f"there is no {program}")
    box.hurry()
    way = subprocess.run(["node", pathlib.Path(__file__).with_name("keyboard.mjs"), WEB, browser, f"http://127.0.0.1:{box.port}/ui", NAME],
                         capture_output=True, text=True, timeout=300)
    assert way.returncode == 0, way.stderr
    met = json.loads(way.stdout)
    print(met)
    assert (met["faults"], met["unseen"], met["removed"]) == ([], [], True) and met["answer"]
    wait_until(lambda: not (box.store / FOLDER).exists(), 20, "its files are gone")


def test_an_import_of_pointers_leads_to_the_pull(box, page):
    (box.package / "SHA256SUMS").unlink()
    layer = next(box.package.rglob("*_l2_together.axmodel"))
    layer.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 20000000\n")
    box.hurry()
    begin(page, box)
    page.get_by_role("textbox", name="Folder").fill(str(box.package))
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("the box can download all of it")).to_be_visible()
    page.locator(".notice").get_by_role("button", name=f"Get {NAME}").click()
    expect(page.get_by_text(f"{NAME} is installed.")).to_be_visible(timeout=60_000)
    wait_until(lambda: box.tags() == [NAME], 30, "one model, the pulled one")
    assert box.ask("POST", "/api/generate", {"model": NAME, "prompt": "Hello", "stream": False})[0] == 200
