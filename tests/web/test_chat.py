"""What the chat keeps and shows: of several tabs, over a reload, on a browser that stores nothing; and what is in an answer."""

import pytest
from playwright.sync_api import expect

from conftest import PATIENCE, ask, stored
from harness import Box

expect.set_options(timeout=PATIENCE)

# The disk is busy until `freed`.
HELD = """() => new Promise(done => {
    indexedDB.open('corral', 1).onsuccess = ({target}) => {
        const all = target.result.transaction('conversations', 'readwrite').objectStore('conversations');
        const hold = () => { if (!window.freed) all.count().onsuccess = hold; };
        hold();
        done();
    };
})"""


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with Box(tmp_path_factory.mktemp("box"), {"directives": True, "timing": {"tokens_per_second": 100}},
             model='capabilities = ["completion", "tools"]', family="qwen3") as running:
        yield running


def test_what_another_tab_tells_takes_no_question_away(box, see):
    first = see(box, "chat")
    ask(first, "[[text=ALPHA]]")
    stored(first, 2)
    second = first.context.new_page()
    second.goto(f"http://127.0.0.1:{box.port}/ui#/chat")
    second.locator(".conversations li button").first.click()
    expect(second.locator("article.assistant")).to_contain_text("ALPHA")
    second.evaluate(HELD)
    # It looks what the other has written, and the question is sent before it knows.
    first.evaluate("new BroadcastChannel('corral.conversations').postMessage(sessionStorage.getItem('corral.open'))")
    second.wait_for_timeout(300)
    ask(second, "[[text=BETA]]")
    second.evaluate("window.freed = true")
    expect(first.locator("article.assistant").last).to_contain_text("BETA")
    expect(second.locator("article.assistant").last).to_contain_text("BETA")
    expect(second.locator("article")).to_have_count(4)
