"""How fast a model has written by day: counted from its answers, kept over a stop, and told with what changed."""

import json

import pytest

from admin_cli import done
from harness import Box
from upgrade_box import UpgradeBox

ANSWERS = 10


def told(box):
    answer = box.get("/corral/v1/speeds")
    assert answer.status == 200, answer.body
    return {one["name"]: one for one in answer.json["models"]}


def ask(box, times=ANSWERS):
    for _ in range(times):
        assert box.say("[[n=24]]")


@pytest.fixture
def box(tmp_path):
    with Box(tmp_path, {"directives": True}) as one:
        yield one


def kept(box):
    (file,) = box.folder.rglob("speed.json")
    return file


def test_a_model_that_became_slower_says_since_when_and_what_changed(box):
    ask(box)
    box.say("[[n=3]]")
    (day,) = told(box)["sim:latest"]["days"]
    assert day["answers"] == ANSWERS and day["tokens"] >= 24 * ANSWERS and day["seconds"] > 0
    assert day["with"]["Corral"] and day["with"]["kernel"]
    assert told(box)["sim:latest"]["change"] == ""
    box.stop()
    file = kept(box)
    text = json.loads(file.read_text())
    (before,) = text["models"]["sim:latest"]
    before.update(day="2026-01-05", seconds=before["seconds"] / 4, **{"with": {**before["with"], "Corral": "0.1.0"}})
    file.write_text(json.dumps(text))
    box.start()
    ask(box)
    now = told(box)["sim:latest"]
    assert [one["answers"] for one in now["days"]] == [ANSWERS, ANSWERS]
    assert f"slower since {day['day']}" in now["change"] and f"Corral 0.1.0 → {day['with']['Corral']}" in now["change"], now["change"]
    shown = " ".join(done(box, "show", "sim").split())
    assert f"tokens/s on {day['day']}; " in shown and "slower since" in shown, shown


def test_an_upgrade_loses_no_answer_of_the_day_though_nothing_was_written_yet(tmp_path):
    with UpgradeBox(tmp_path, {"directives": True}, config=f'state_directory = "{tmp_path / "state"}"\n') as box:
        ask(box, 3)
        box.upgrade()
        ask(box, 2)
        (day,) = told(box)["sim:latest"]["days"]
        assert day["answers"] == 5, day
        box.stop()
        (written,) = json.loads(kept(box).read_text())["models"]["sim:latest"]
        assert written["answers"] == 5, written


@pytest.mark.parametrize("text", ['{"format":99,"models":{"x":1}}', "no JSON"])
def test_a_file_of_a_newer_version_stays_and_a_damaged_one_is_made_anew(tmp_path, text):
    box = Box(tmp_path, {"directives": True})
    with box:
        ask(box, 1)
        box.stop()
        file = kept(box)
        file.write_text(text)
        box.start()
        ask(box, 1)
        box.stop()
        assert (file.read_text() == text) == text.startswith("{")
        box.start()
