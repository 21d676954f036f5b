"""The speed of a model by day, as a person sees it: the line, the day on which something changed, and the sentence."""

import datetime
import json
import random
import re

from playwright.sync_api import expect

from conftest import PATIENCE, PICTURES
from harness import Box, wait_until
from test_looks import faults_of

expect.set_options(timeout=PATIENCE)
DAYS, CHANGED = 60, 40


def days_of(first, driver_changes):
    dice = random.Random(3)
    for number in range(DAYS):
        slow = driver_changes and number >= CHANGED
        yield {"day": str(first + datetime.timedelta(days=number)), "answers": 30, "tokens": 6000, "prompt_tokens": 9000,
               "seconds": 6000 / (dice.uniform(11.4, 12.6) * (0.7 if slow else 1)),
               "with": {"Corral": "0.3.0", "driver": "3.6.4" if slow else "3.6.2"}}


def test_it_became_slower_since_when_and_why(page, tmp_path):
    first = datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=DAYS)
    box = Box(tmp_path, {"directives": True})
    kept = tmp_path / "state-home/corral/speed.json"
    kept.parent.mkdir(parents=True)
    models = {"sim:latest": list(days_of(first, True)), "sim:latest@fallback1": list(days_of(first, False))}
    kept.write_text(json.dumps({"format": 1, "models": models}))
    with box:
        page.goto(f"http://127.0.0.1:{box.port}/ui")
        panel = page.get_by_role("region", name="Speed by day")
        expect(panel).to_contain_text(re.compile(rf"(29|3[01]) % slower since {first + datetime.timedelta(days=CHANGED)}"))
        expect(panel).to_contain_text("driver 3.6.2 → 3.6.4")
        expect(panel.locator("svg").first.locator("line")).to_have_count(1)
        expect(panel.locator("svg").last.locator("line")).to_have_count(0)
        expect(page.get_by_role("row").filter(has_text="sim:latest")).to_contain_text("last ")
        assert faults_of(page) == []
        PICTURES.mkdir(parents=True, exist_ok=True)
        for name, (width, height, scheme) in {"wide": (1280, 800, "light"), "dark": (1280, 800, "dark"), "phone": (390, 844, "light")}.items():
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=PICTURES / f"speed-{name}.png", full_page=True)
            assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


def test_no_speed_is_made_up_for_a_time_when_nobody_looked(page, tmp_path):
    turn = "away => { Object.defineProperty(document, 'hidden', {get: () => away, configurable: true}); document.dispatchEvent(new Event('visibilitychange')); }"
    with Box(tmp_path, {"directives": True}) as box:
        page.clock.install()
        page.goto(f"http://127.0.0.1:{box.port}/ui")
        answer = box.stream("[[never_end]]")
        next(iter(answer))
        expect(page.locator(".chart")).to_be_visible()
        page.evaluate(turn, True)
        page.clock.run_for(25_000)
        expect(page.locator(".connection")).to_have_attribute("data-state", "connecting")
        answer.close()
        wait_until(lambda: not box.runtime_state()["running"], 20, "the box is idle")
        page.clock.run_for(400_000)
        page.evaluate(turn, False)
        expect(page.locator(".connection")).to_have_attribute("data-state", "live")
        expect(page.get_by_text("Idle", exact=True)).to_be_visible()
        expect(page.locator(".chart")).to_have_count(0)
