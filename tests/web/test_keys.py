"""A box that asks for keys: log-in, scopes, keys made and revoked, log-out."""

import subprocess
import time

import pytest
from playwright.sync_api import expect

from conftest import PATIENCE, ask
from harness import BIN, wait_until
from keyed_box import bearer, make_box

expect.set_options(timeout=PATIENCE)


@pytest.fixture
def box(tmp_path):
    made = make_box(tmp_path)
    made.operator = subprocess.run([BIN / "corral", "key", "new", "operator", "--scope", "inference,observe,operate", "--file", tmp_path / "keys"],
                                   check=True, capture_output=True, text=True).stdout.strip()
    with made as running:
        yield running


def log_in(page, box, key, go=True):
    if go:
        page.goto(f"http://127.0.0.1:{box.port}/ui")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Log in").click()


def test_a_key_is_made_used_and_revoked(box, page):
    page.goto(f"http://127.0.0.1:{box.port}/ui")
    expect(page.get_by_text("30 days")).to_be_visible()
    log_in(page, box, "sk-corral-wrong")
    expect(page.get_by_role("alert")).to_be_visible()
    log_in(page, box, box.operator)
    page.get_by_role("link", name="Keys").click()
    page.get_by_label("Name").fill("bob")
    page.get_by_role("button", name="Create").click()
    made = page.locator("[data-test=new-key]").inner_text()
    page.get_by_role("button", name="Close").last.click()
    assert box.request("GET", "/api/tags", headers=bearer(made)).status == 200
    page.get_by_role("button", name="Revoke bob").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("The key bob was revoked.")).to_be_visible()
    expect(page.get_by_role("button", name="Revoke bob")).to_have_count(0)
    assert made not in page.content()
    # No script can read the session's cookie, and nothing of the key is kept in the browser.
    assert page.evaluate("document.cookie") == ""
    assert "sk-corral" not in page.evaluate("JSON.stringify({...localStorage}) + JSON.stringify({...sessionStorage})")
    cookie = page.context.cookies()[0]
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict"
    assert 29.9 < (cookie["expires"] - time.time()) / 86400 <= 30
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("API key")).to_be_visible()


# box.key is anna's, for models alone.
def test_a_key_for_models_alone_sees_the_chat_and_nothing_else(box, page):
    log_in(page, box, box.key)
    expect(page.get_by_label("Message")).to_be_visible()
    expect(page.get_by_role("navigation").get_by_role("link")).to_have_text(["Chat"])
    page.goto(f"http://127.0.0.1:{box.port}/ui#/logs")
    expect(page.get_by_text("requires a key with the scope observe")).to_be_visible()


def test_a_browser_that_keeps_no_cookie_is_told_of(box, page):
    def forget(route):
        answer = route.fetch()
        page.context.clear_cookies()
        route.fulfill(response=answer, headers={name: value for name, value in answer.headers.items() if name != "set-cookie"})

    page.route("**/corral/v1/session", forget)
    log_in(page, box, box.operator)
    expect(page.get_by_role("alert")).to_contain_text("Allow cookies for this page")


def test_whoever_chats_with_a_key_that_is_gone_is_asked_for_another(box, page):
    log_in(page, box, box.key)
    ask(page, "[[text=before]]")
    subprocess.run([BIN / "corral", "key", "remove", "anna", "--file", box.folder / "keys"], check=True, capture_output=True)
    wait_until(lambda: box.request("GET", "/api/tags", headers=bearer(box.key)).status == 401, 20, "the key is gone")
    page.get_by_label("Message").fill("[[text=after]]")
    page.get_by_label("Message").press("Enter")
    log_in(page, box, box.operator, go=False)
    page.get_by_role("link", name="Chat").click()
    expect(page.locator("article.assistant").last).to_contain_text("your login had ended")
    page.get_by_role("button", name="Regenerate").click()
    expect(page.locator("article.assistant").last).to_contain_text("after")
