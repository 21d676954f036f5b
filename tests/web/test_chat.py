"""What the chat keeps and shows: of several tabs, over a reload, on a browser that stores nothing; and what is in an answer."""

import json
import re

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
# As where cookies are blocked: Firefox forbids all four.
FORBIDDEN = """for (const name of ['localStorage', 'sessionStorage', 'indexedDB', 'BroadcastChannel'])
    Object.defineProperty(window, name, {get() { throw new DOMException('The operation is insecure.', 'SecurityError'); }});"""
# A write goes well and its transaction does not, as on a full disk.
FULL = """const put = IDBObjectStore.prototype.put;
IDBObjectStore.prototype.put = function (...of) {
    const asked = put.apply(this, of);
    if (!window.room) asked.addEventListener('success', () => this.transaction.abort());
    return asked;
};"""
PIXEL = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010806000000"
                      "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082")


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


def test_an_answer_that_a_reload_has_cut_says_so(box, see):
    page = see(box, "chat")
    page.get_by_label("Message").fill("[[n=2000]]")
    page.get_by_role("button", name="Send").click()
    answer = page.locator("article.assistant")
    expect(answer).to_contain_text("three")
    stored(page, 2, "three")
    page.reload()
    expect(answer).to_contain_text("three")
    expect(answer).to_contain_text("This answer is not complete.")
    page.get_by_role("button", name="Edit").click()
    page.locator("article.user textarea").fill("[[text=whole]]")
    page.get_by_role("button", name="Ask again").click()
    expect(answer.locator(".figures")).to_be_visible()
    expect(page.get_by_text("This answer is not complete.")).to_have_count(0)


def test_an_answer_without_text_says_so(box, page, see):
    see(box, "chat")
    page.route("**/api/chat", lambda route: route.fulfill(body='{"message": {"content": ""}, "done": true, "eval_count": 1}'))
    ask(page, "x")
    expect(page.locator("article.assistant")).to_contain_text("The model wrote no text.")


def test_a_browser_that_stores_nothing_loses_nothing_while_the_page_lives(box, page, see):
    page.add_init_script(FORBIDDEN)
    see(box, "chat")
    ask(page, "[[text=ALPHA]]")
    expect(page.get_by_text("This browser can't save conversations")).to_be_visible()
    page.get_by_role("button", name="New conversation").click()
    ask(page, "[[text=BETA]]")
    page.get_by_label("Message").fill("not sent yet")
    page.get_by_role("link", name="Overview").click()
    page.get_by_role("link", name="Chat").click()
    expect(page.get_by_label("Message")).to_have_value("not sent yet")
    page.locator(".conversations li").filter(has_text="ALPHA").get_by_role("button").click()
    expect(page.locator("article.assistant")).to_contain_text("ALPHA")


def test_a_full_disk_is_told_of_until_there_is_room(box, page, see):
    page.add_init_script(FULL)
    see(box, "chat")
    told = page.get_by_text("This browser can't save conversations")
    ask(page, "[[text=ALPHA]]")
    expect(told).to_be_visible()
    page.get_by_role("button", name="New conversation").click()
    page.locator(".conversations li button").click()  # a read that goes well changes nothing
    expect(page.locator("article.assistant")).to_contain_text("ALPHA")
    expect(told).to_be_visible()
    page.evaluate("window.room = true")
    ask(page, "[[text=BETA]]")
    expect(told).to_have_count(0)
    stored(page, 4)


def test_nothing_of_an_answer_is_left_out(box, see):
    """Addresses beside the text, formulas, HTML: what Markdown would hide is there to be read."""
    page = see(box, "chat")
    lines = ["The [manual][1], [evil][2] and a formula: \\[ a_1 \\\\ b_2 \\]", "<ul>\n  <li>one</li>\n</ul>", '[1]: https://example.com/manual "M"',
             "[2]: javascript:alert(1)", "[3]: https://example.com/source"]
    page.route("**/api/chat", lambda route: route.fulfill(body=json.dumps({
        "message": {"content": "\n\n".join(lines)}, "done": True})))
    ask(page, "x")
    answer = page.locator("article.assistant .markdown")
    expect(answer.get_by_role("link", name="manual")).to_have_attribute("href", "https://example.com/manual")
    expect(answer.get_by_role("link", name="https://example.com/source")).to_have_count(1)
    expect(answer.get_by_role("link")).to_have_count(2)
    expect(answer).to_contain_text(re.compile(r"\[3\]: https"))
    expect(answer).to_contain_text("\\[ a_1 \\\\ b_2 \\]")
    assert "<ul>\n  <li>one</li>\n</ul>" in answer.inner_text()


def test_a_paragraph_begins_where_its_script_begins(box, see):
    page = see(box, "chat")
    ask(page, "[[text=Hello.\n\nשלום, world.]]")
    edges = page.locator("article.assistant .markdown p").evaluate_all("""all => all.map(one => {
        const range = document.createRange();
        range.selectNodeContents(one);
        const [text, whole] = [range.getBoundingClientRect(), one.getBoundingClientRect()];
        return [text.left - whole.left < 2, whole.right - text.right < 2];
    })""")
    assert edges == [[True, False], [False, True]]


def test_a_model_that_only_embeds_is_none_to_chat_with(box, page, see):
    of = {"models": [{"name": "vectors:latest", "capabilities": ["embedding"]}, {"name": "sim:latest", "capabilities": ["completion"]}]}
    page.route("**/api/tags", lambda route: route.fulfill(json=of))
    see(box, "chat")
    expect(page.get_by_label("Model").locator("option")).to_have_text(["sim:latest"])
    del of["models"][1]
    page.reload()
    expect(page.get_by_text("No chat model is configured.")).to_be_visible()


def test_images_are_added_to_one_another(box, page, see):
    page.route("**/api/show", lambda route: route.fulfill(json={"capabilities": ["completion", "vision"]}))
    see(box, "chat")
    chosen, shown = page.locator("input[type=file]"), page.locator(".images li")
    one = {"name": "one.png", "mimeType": "image/png", "buffer": PIXEL}
    chosen.set_input_files(one)
    expect(shown).to_have_count(1)
    chosen.set_input_files([one, one])
    expect(shown).to_have_count(3)
    page.get_by_role("link", name="Overview").click()
    page.get_by_role("link", name="Chat").click()
    expect(shown).to_have_count(3)
    chosen.set_input_files([one] * 6)
    expect(page.get_by_role("alert")).to_contain_text("8 images at most")
    shown.first.get_by_role("button").click()
    expect(shown).to_have_count(2)


def test_tools_that_can_not_be_sent_are_told_of_beside_the_button(box, see):
    page = see(box, "chat")
    options = page.locator("summary", has_text="Options")
    options.click()
    page.get_by_label("Tools").fill("{")
    options.click()
    page.get_by_label("Message").fill("x")
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    expect(page.get_by_text("The tools are not a JSON array.")).to_be_visible()
