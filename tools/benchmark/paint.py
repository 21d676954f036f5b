"""First paint of the page in headless Chromium with a throttled processor and an empty cache: First Contentful Paint, and the
moment at which the overview shows the box's state."""

from __future__ import annotations

import json
import pathlib
import statistics
import subprocess

import harness


def measured(folder, web, throttle, runs):
    """Milliseconds from the navigation's begin, of each run."""
    python = pathlib.Path(web) / "venv/bin/python"
    if not python.exists():
        raise SystemExit(f"there is no {python}: make it with tests/web/install {web}")
    with harness.Box(folder / "paint") as box:
        box.wait_ready()
        program = pathlib.Path(__file__).with_name("paint_browser.py")
        done = subprocess.run([python, "-B", program, f"http://127.0.0.1:{box.port}/ui", str(throttle), str(runs)], stdout=subprocess.PIPE,
                              timeout=60 + 60 * runs)
    if done.returncode != 0:
        raise SystemExit(f"the browser failed (status {done.returncode})")
    return {"throttle": throttle, **json.loads(done.stdout)}


def text(figures):
    lines = [f"processor throttled {figures['throttle']:g} times", "| ms | median | max |", "|---|---|---|"]
    for name in ("first_contentful_paint_ms", "state_shown_ms"):
        lines.append(f"| {name} | {statistics.median(figures[name]):.0f} | {max(figures[name]):.0f} |")
    return "\n".join(lines)
