"""What people do in Open WebUI, as it comes from its package, on a model that reads 1,920 tokens."""

import contextlib

import pytest
from conftest import SCENARIO, Chat, OpenWebui, picture, sign_in
from harness import Box, wait_until
from test_breaker import Crashing, rule

TOOLS = 'capabilities = ["completion", "tools"]'
LONG = "Tell me a lot. [[text=" + "word " * 300 + "end]]"


def test_the_stock_first_chat_is_answered_and_the_cut_is_seen(chat, box):
    chat.ask("What is a corral? [[text=A pen for livestock.]]")
    chat.wait_for("A pen for livestock.")
    warnings = wait_until(lambda: box.get("/readyz").json.get("warnings"), what="a warning of /readyz")
    assert any("tools=" in one for one in warnings), warnings


def test_a_built_in_tool_is_called_and_its_result_answered(chat):
    call = '<tool_call>\\n{"name": "get_current_timestamp", "arguments": {}}\\n</tool_call>'
    chat.ask(f"Which time is it? Use get_current_timestamp. [[text={call}]]")
    chat.wait_for("get_current_timestamp")
    chat.settle()
    shown, _, answer = chat.answers()[-1].partition("\n")
    assert "get_current_timestamp" in shown and len(answer) > 40 and "tool_call" not in answer, (shown, answer)


def test_title_and_tag_tasks_do_not_stand_in_the_way(chat, box):
    chat.ask("First. [[text=One.]]")
    chat.wait_for("One.")
    chat.ask("Second. [[text=Two.]]")
    chat.wait_for("Two.")
    # The chat, its follow-ups, its title and its tags: each is an answered request.
    wait_until(lambda: box.log().count("outcome=stop") >= 5, 60, "the tasks behind the answer are answered")


def test_stop_ends_the_run_and_regenerate_answers_whole(chat, box):
    chat.ask(LONG)
    chat.wait_for("word word")
    chat.button("Stop").click()
    wait_until(lambda: not box.runtime_state()["running"], 10, "the runtime is free")
    assert "end" not in chat.answers()[-1]
    wait_until(chat.ended, 10, "the page shows the stop")
    chat.button("Regenerate").click()
    again = chat.page.get_by_text("Try Again")
    if again.count():
        again.first.click()
    chat.wait_for("end")


def test_a_runtime_killed_in_mid_answer_is_told_and_the_next_question_answered(chat, box):
    chat.ask(LONG)
    chat.wait_for("word word")
    box.kill("runtime")
    wait_until(chat.ended, 60, "the answer has an end")
    wait_until(lambda: "ask again" in chat.page.inner_text("#chat-container"), 30, "the page says what happened and what to do")
    chat.ask("And now? [[text=Here again.]]")
    chat.wait_for("Here again.")


def test_a_long_paste_is_told_where_it_was_not_read_and_nowhere_else(chat):
    sentence = "The model did not read all of this"
    chat.ask("A short question. [[text=A short answer.]]")
    chat.wait_for("A short answer.")
    chat.settle()
    assert sentence not in chat.page.inner_text("body")
    chat.page.get_by_role("link", name="New Chat").first.click()
    wait_until(lambda: not chat.answers(), 30, "a new chat is open")
    # The task behind the answer quotes the paste, so what stands there is its title too.
    report = "Summarise this. " + "The pump was looked at and found in order. " * 700 + '[[text={"title": "A report on pumps"}]]'
    chat.paste(report)
    chat.wait_for(sentence)
    wait_until(lambda: "A report on pumps" in chat.page.title(), 60, f"the chat has its title; it is {chat.page.title()!r}")
    chat.settle()
    assert chat.page.inner_text("body").count(sentence) == 1 and sentence in chat.answers()[-1]
    assert "of the newest messages left out" in chat.answers()[-1] and sentence not in chat.page.title()


def test_a_load_of_20_seconds_is_waited_for(tmp_path, browser):
    slow = {**SCENARIO, "timing": {**SCENARIO["timing"], "load_ms": 20_000}}
    with Box(tmp_path / "box", slow, model=TOOLS) as box, OpenWebui(tmp_path / "ui", box) as server:
        page = sign_in(browser, server)
        box.kill("runtime")  # Open WebUI takes longer to start than the model
        chat = Chat(page)
        chat.ask("Are you there? [[text=Now I am.]]")
        wait_until(lambda: box.get("/readyz").status == 503, 20, "the model is loaded again")
        picture(page, "while_it_loads")
        chat.wait_for("Now I am.")
        chat.settle()
        picture(page, "after_the_load")
        page.context.close()


@pytest.mark.parametrize("connection", ["ollama", "openai"])
def test_a_broken_model_says_so(tmp_path, browser, connection):
    box = Crashing(tmp_path / "box", model=TOOLS + "\n" + rule(retry="1h"))
    box.start(wait_ready=False)
    with contextlib.ExitStack() as owned:
        owned.push(box.__exit__)
        wait_until(lambda: box.runtime["state"] == "broken", 60, "the runtime failed too often")
        server = owned.enter_context(OpenWebui(tmp_path / "ui", box, connection))
        page = sign_in(browser, server)
        Chat(page).ask("Are you there?")
        shown = lambda: page.inner_text("#chat-container")
        wait_until(lambda: "The model does not start" in shown() and "ask again in about" in shown(), 60, "the page says that the model is broken")
        picture(page, f"broken-{connection}")
        page.context.close()


def test_the_connection_is_added_by_hand(box, tmp_path, browser):
    server = OpenWebui(tmp_path, box)
    server.environment["OLLAMA_BASE_URL"] = "http://127.0.0.1:9"  # nothing there, as on a new machine
    with server:
        page = sign_in(browser, server)
        page.goto(server.url + "/admin/settings/connections")
        page.get_by_text("Manage Ollama API Connections").wait_for(timeout=60_000)
        page.get_by_text("Manage Ollama API Connections").locator("xpath=..").get_by_role("button").click()
        page.get_by_placeholder("API Base URL").fill(f"http://127.0.0.1:{box.port}/")
        page.get_by_role("button", name="Save", exact=True).last.click()
        page.goto(server.url)
        page.get_by_role("button", name="Selected model: sim:latest").wait_for(timeout=60_000)
        chat = Chat(page)
        chat.ask("Hello [[text=Hello to you.]]")
        chat.wait_for("Hello to you.")
        chat.settle()
        picture(page, "connection_by_hand")
        page.context.close()
