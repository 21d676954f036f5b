"""What a person does in the page: looks, chats, loads, imports, reads logs; and what the page says when things go wrong."""

import json
import re
import signal
import threading
import time

import pytest
from playwright.sync_api import expect

from conftest import PATIENCE, ask, stored
from harness import Box, wait_until
from simulator import write_package

THINKS = 'capabilities = ["completion", "thinking", "tools"]'
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    """One for all: each test leaves it as it has found it. Its load takes long enough to be seen."""
    with Box(tmp_path_factory.mktemp("box"), {"directives": True, "timing": {"tokens_per_second": 100, "load_ms": 1800}}, model=THINKS,
             family="qwen3") as running:
        yield running


def test_a_browser_is_sent_to_the_page_and_a_client_keeps_its_line(box, page):
    page.goto(f"http://127.0.0.1:{box.port}/")
    assert page.url.endswith("/ui")
    expect(page.locator(".headline").first).to_contain_text("All is well.")
    assert box.get("/").body == b"Ollama is running"
    row = page.get_by_role("row").filter(has_text="sim:latest")
    expect(row).to_contain_text("ready")
    expect(row).not_to_contain_text("0 running")


def test_an_answer_streams_and_is_stopped(box, see):
    page = see(box, "chat")
    message = page.get_by_label("Message")
    message.fill("[[text=**hello** there]]")
    message.press("Enter")
    answer = page.locator("article.assistant").last
    expect(answer.locator("strong")).to_have_text("hello")
    expect(answer.locator(".figures")).to_contain_text("tokens")
    message.fill("[[n=2000]]")
    page.get_by_role("button", name="Send").click()
    answer = page.locator("article.assistant").last
    expect(answer).to_contain_text("three")
    page.get_by_role("button", name="Stop").click()
    expect(answer).to_contain_text("Stopped.")
    wait_until(lambda: not box.runtime_state()["running"], 20, "the runtime has stopped too")
    # Kept in this browser, over a reload of the page.
    page.reload()
    expect(page.locator("article.assistant")).to_have_count(2)


def test_a_question_says_what_it_waits_for(box, see):
    page = see(box, "chat")
    message = page.get_by_label("Message")
    box.post("/api/generate", {"model": "sim", "keep_alive": 0})
    wait_until(lambda: box.get("/readyz").json["models"][0]["state"] == "unloaded", 30, "unloaded")
    message.fill("[[text=loaded]]")
    message.press("Enter")
    expect(page.locator(".wait")).to_contain_text("The model is loading")
    expect(page.locator("article.assistant").last).to_contain_text("loaded")
    expect(page.locator(".figures").last).to_be_visible()
    before = threading.Thread(target=lambda: box.say("[[n=150]]"), daemon=True)
    before.start()
    wait_until(lambda: box.runtime_state()["running"], 20, "another's answer runs")
    message.fill("[[n=2000]]")
    message.press("Enter")
    expect(page.locator(".wait")).to_contain_text(re.compile(r"waiting behind \d request"))
    expect(page.locator("article.assistant").last).to_contain_text("three")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("main p[role=status].sr-only")).to_have_text("Stopped.")
    before.join(60)


def test_two_tabs_have_a_conversation_each_and_a_draft_outlives_a_reload(box, see):
    first = see(box, "chat")
    ask(first, "[[text=ALPHA]]")
    second = first.context.new_page()
    second.goto(f"http://127.0.0.1:{box.port}/ui#/chat")
    ask(second, "[[text=BETA]]")
    ask(first, "[[text=GAMMA]]")
    second.get_by_label("Message").fill("not sent yet")
    stored(first, 4), stored(second, 2)
    first.reload(), second.reload()
    expect(second.locator("article.assistant").last).to_contain_text("BETA")
    expect(second.get_by_label("Message")).to_have_value("not sent yet")
    expect(first.locator("article.assistant").last).to_contain_text("GAMMA")
    expect(first.locator("article").get_by_text("BETA")).to_have_count(0)


def test_a_list_of_models_that_failed_once_is_asked_for_again_and_what_is_typed_stays(box, page):
    failed = []
    page.route("**/api/tags", lambda route: (failed.append(1), route.abort()), times=1)
    page.goto(f"http://127.0.0.1:{box.port}/ui#/chat")
    wait_until(lambda: page.evaluate("1") and failed, 20, "the list is asked for")
    ask(page, "[[text=there]]")
    expect(page.locator("article.assistant").last).to_contain_text("there")


def test_conversations_are_kept_found_renamed_exported_and_deleted(box, see):
    page = see(box, "chat")
    for text in ("about the SEA", "about mountains"):
        page.get_by_role("button", name="New conversation").click()
        ask(page, f"[[text=An answer]] {text}")
    listed = page.locator(".conversations li")
    expect(listed).to_have_count(2)
    page.get_by_role("button", name="Rename").click()
    page.get_by_role("textbox", name="Name").fill("Alps")
    page.keyboard.press("Enter")
    expect(listed.first).to_contain_text("Alps")
    page.get_by_label("Search conversations").fill("sea")
    expect(listed).to_have_count(1)
    listed.get_by_role("button").click()
    expect(page.locator("article.user")).to_contain_text("about the SEA")
    page.get_by_label("Search conversations").fill("")
    page.reload()
    expect(page.locator("article.user")).to_contain_text("about the SEA")
    expect(listed).to_have_count(2)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export").click()
    with open(waiting.value.path()) as file:
        exported = file.read()
    assert waiting.value.suggested_filename.endswith(".md") and "about the SEA" in exported and "An answer" in exported, exported
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(listed).to_have_count(1)
    expect(page.locator("article")).to_have_count(0)
    assert "mountains" not in page.evaluate("JSON.stringify({...localStorage}) + JSON.stringify({...sessionStorage})")


def test_a_question_is_edited_and_answered_again(box, see):
    page = see(box, "chat")
    page.get_by_label("Message").wait_for()
    page.locator("summary", has_text="Options").click()
    page.get_by_label("Instructions for the model").fill("Be short.")
    ask(page, "[[text=one]] first")
    ask(page, "[[text=two]] second")
    page.get_by_role("button", name="Regenerate").click()
    expect(page.locator("article.assistant")).to_have_count(2)
    expect(page.get_by_role("button", name="Regenerate")).to_be_visible()
    page.get_by_role("button", name="Edit").first.click()
    page.locator("article.user textarea").fill("[[text=three]] other")
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator("article.assistant")).to_have_text(re.compile("three"))
    expect(page.locator("article")).to_have_count(2)
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    last = json.dumps(box.runs()[-1])
    assert "Be short." in last and "first" not in last and "second" not in last, last


def test_an_answer_is_copied(box, page, see):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    see(box, "chat")
    ask(page, "[[text=**copied** as it is]]")
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_role("button", name="Copied", exact=True)).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "**copied** as it is"


def test_a_window_that_fills_is_told_before_and_after(box, see):
    page = see(box, "chat")
    ask(page, "[[text=short]] hello")
    bar = page.get_by_role("progressbar", name="Context window")
    expect(bar).to_have_attribute("aria-valuetext", re.compile(r"about [\d,]+ of [\d,]+ tokens left"))
    page.get_by_label("Message").fill("word " * 4000)
    expect(page.get_by_text("The context window is full")).to_be_visible()
    page.get_by_label("Message").fill("")
    long = "[[text=ok]] " + "word " * 700
    for _ in range(4):
        ask(page, long)
        if page.locator(".notice.warning").filter(has_text="left out of this answer").count():
            break
    expect(page.locator("article.assistant").last).to_contain_text(re.compile(r"oldest messages? (was|were) left out of this answer"))


def test_two_tabs_of_one_conversation_lose_nothing(box, see):
    first = see(box, "chat")
    ask(first, "[[text=ALPHA]]")
    second = first.context.new_page()
    second.goto(f"http://127.0.0.1:{box.port}/ui#/chat")
    second.locator(".conversations li button").first.click()
    expect(second.locator("article.assistant")).to_contain_text("ALPHA")
    ask(second, "[[text=BETA]]")
    expect(first.locator("article.assistant").last).to_contain_text("BETA")
    expect(first.locator(".figures")).to_have_count(2)  # whole: whoever goes on with a part of it has one of their own
    ask(first, "[[text=GAMMA]]")
    expect(second.locator("article.assistant").last).to_contain_text("GAMMA")
    expect(second.locator("article.assistant")).to_have_count(3)


def test_a_load_is_seen_moving(box, see):
    page = see(box, "models")
    page.get_by_role("button", name="Unload sim:latest").click()
    row = page.get_by_role("row").filter(has_text="sim:latest")
    expect(row).to_contain_text("stopped")
    page.get_by_role("button", name="Load sim:latest", exact=True).click()
    bar = page.get_by_role("progressbar", name="Loading sim:latest")
    bar.wait_for()
    seen = set()

    def moved():
        if bar.count():
            seen.add(bar.first.get_attribute("aria-valuenow", timeout=1000) if bar.count() else None)
        return len(seen - {None}) >= 2 or "ready" in row.inner_text()

    wait_until(moved, 30, "the bar moves")
    assert len(seen - {None}) >= 2, seen
    expect(row).to_contain_text("ready")


def test_a_killed_runtime_is_told_of_and_loaded_again(box, see):
    page = see(box, "overview")
    expect(page.locator(".headline").first).to_contain_text("All is well.")
    box.kill("runtime")
    begun = time.monotonic()
    # It is there while the model is loaded, so it is looked for in each frame of the screen.
    page.wait_for_function("() => /killed by SIGKILL.*loading again/.test(document.querySelector('.headline').textContent)", polling="raf")
    print(f"told after {time.monotonic() - begun:.2f} s")
    expect(page.locator(".headline").first).to_contain_text("All is well.")
    page.get_by_role("link", name="Incidents").click()
    page.locator("main button.link").first.click()
    expect(page.locator(".timeline")).to_contain_text("killed by SIGKILL")


def test_a_queue_of_ten_shrinks(box, see):
    page = see(box, "overview")
    asked = [threading.Thread(target=lambda: box.say("[[n=40]]"), daemon=True) for _ in range(11)]
    for one in asked:
        one.start()
    rows = page.get_by_role("region", name="Waiting requests").locator("tbody tr")
    most, now = 0, None

    def shrunk():
        nonlocal most, now
        now = rows.count()
        most = max(most, now)
        return most >= 5 and now < most

    wait_until(shrunk, 30, f"a queue that grows and shrinks; most {most}, now {now}")
    for one in asked:
        one.join(60)
    expect(rows).to_have_count(0)
    page.get_by_role("link", name="Requests").click()
    expect(page.locator(".waterfall").first).to_be_visible()
    assert "[[n=" not in page.content()


def test_a_folder_is_looked_at_and_its_findings_are_listed(box, see, tmp_path):
    package = tmp_path / "package"
    write_package(package, 4)
    (package / "model/sim_p128_l2_together.axmodel").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")
    page = see(box, "models")
    page.get_by_role("textbox", name="Folder").fill(str(package))
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator(".findings")).to_contain_text("LFS")
    page.get_by_role("textbox", name="Folder").fill(str(tmp_path / "nothing-here"))
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_text("It can't be imported as it is.")).to_be_visible()
    expect(page.locator(".findings")).to_contain_text("No such file or directory")


def test_a_folder_is_imported_and_removed(box, see, tmp_path):
    package = tmp_path / "Grüße & 'Käse' 4B"
    write_package(package, 4)
    page = see(box, "models")
    page.get_by_role("textbox", name="Folder").fill(str(package))
    page.get_by_role("textbox", name="Name").fill("mine:small")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("mine:small was imported.")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="mine:small")
    expect(row).to_be_visible()
    page.get_by_role("button", name="Pin mine:small").click()
    expect(page.locator(".outcome")).to_have_text("Pin: mine:small.")
    page.get_by_role("button", name="Unpin mine:small").click()
    expect(page.get_by_role("button", name="Pin mine:small", exact=True)).to_be_visible()
    page.get_by_role("button", name="Remove mine:small").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    assert package.is_dir()


def test_a_log_is_followed_over_a_restart(box, see):
    page = see(box, "logs")
    lines = page.get_by_role("log")
    expect(lines).to_contain_text("event=")
    page.get_by_label("Service").select_option("sim:latest/runtime")
    expect(lines).to_contain_text("LLM init ok")
    pid = box.kill("runtime")
    expect(lines).to_contain_text(f"process {pid}: killed by SIGKILL")
    next_pid = wait_until(lambda: box.pid_of("runtime") not in (None, pid) and box.pid_of("runtime"), what="the next runtime")
    expect(lines).to_contain_text(f"started as process {next_pid}")
    page.get_by_label("Filter").fill(f"process {pid} killed")
    expect(lines.locator(".line")).to_have_count(1)
    box.wait_ready()


def test_health_and_settings(box, see):
    page = see(box, "health")
    expect(page.get_by_text("Checked at")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Check again").click()
    expect(page.get_by_role("button", name="Check again")).to_be_enabled(timeout=60_000)
    page = see(box, "settings")
    page.get_by_label("Filter").fill("log_level")
    row = page.get_by_role("row").filter(has_text="log_level")
    expect(row).to_contain_text("debug")
    expect(row).to_contain_text("corral.toml")


def test_the_page_outlives_an_upgrade(box, see):
    page = see(box, "overview")
    box.process.send_signal(signal.SIGUSR2)
    # The stream of the page ends for it, or the upgrade would wait.
    expect(page.locator(".news")).to_contain_text("was restarted", timeout=60_000)
    expect(page.locator(".connection")).to_contain_text("Live")
    expect(page.locator(".headline").first).to_contain_text("All is well.")


def test_the_page_outlives_a_restart_of_corral(box, see):
    page = see(box, "overview")
    box.listen = f"127.0.0.1:{box.port}"
    box.stop()
    expect(page.locator(".connection")).to_contain_text("No connection")
    box.start()
    expect(page.locator(".connection")).to_contain_text("Live")
    expect(page.locator(".news")).to_contain_text("was restarted")
    expect(page.locator(".headline").first).to_contain_text("All is well.")
