"""What holds the event loop while many answers stream: the largest bodies, reloads, imports, and whoever reads status and metrics.

Lists what held the loop longest, by name: loop_held.py [seconds]. Only an optimised build tells anything, and a machine that does
nothing else: who has to wait for a processor seems to hold the loop too."""

import collections
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

from admin_cli import corral, status
from harness import BIN, Box, pause

STREAMS = 64
HELD = re.compile(r"Corral stood still for ([0-9.]+) ms .*? by (.*) event=loop\.held")
FRAME = re.compile(r"\(([^()]*)\+0x[0-9a-f]+\)")


class Busy:
    """A box at work; `whats` are done again and again, each by a thread of its own, until it is left."""

    def __init__(self, box, whats):
        self.over = threading.Event()
        self.failures = []
        self.threads = [threading.Thread(target=self.again, args=(what, box)) for what in whats]

    def again(self, what, box):
        try:
            while not self.over.is_set():
                what(box)
        except BaseException as failure:  # shown by the one who leaves
            self.failures.append(failure)

    def __enter__(self):
        for each in self.threads:
            each.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for each in self.threads:
            each.join()
        assert not self.failures, self.failures


def one_stream(box):
    for _ in box.stream("[[n=150]] go on"):
        pass


def largest_body(box):
    """One request of 15 MiB in many turns, which does not fit and is refused or cut."""
    turn = {"role": "user", "content": "many words and \\u00fcmlauts \\" * 40_000}
    reply = box.chat([turn] * 12 + [{"role": "user", "content": "[[n=2]] ?"}])
    assert reply.status in (200, 400, 413, 503), reply.body[:300]


def one_long_text(box):
    reply = box.chat("x" * (15 * 1024 * 1024))
    assert reply.status in (200, 400, 413, 503), reply.body[:300]


def pages(box):
    for path in ("/metrics", "/api/tags", "/readyz", "/api/ps"):
        assert box.get(path).status == 200, path
    assert status(box)["models"]


def reload_it(box):
    run = corral(box, "reload")
    assert run.returncode == 0, run.stderr
    pause.wait(0.05)


def import_it(box):
    corral(box, "import", str(box.package), socket=False)  # whatever it says of a package that is none


def holds(folder, seconds):
    """(milliseconds, stack) of each."""
    scenario = {"directives": True, "timing": {"tokens_per_second": 50}}
    box = Box(folder, scenario, profile="vllm-ascend", log_level="info")
    text = box.config_file.read_text().replace("parallel = 1\n", f"parallel = {STREAMS}\n")
    box.config_file.write_text(text)
    os.environ["CORRAL_LOOP_WATCH"] = "2"
    try:
        with box:
            box.wait_ready()
            with Busy(box, [one_stream] * STREAMS + [largest_body, one_long_text, pages, reload_it, import_it]):
                pause.wait(seconds)
            return [(float(ms), stack) for ms, stack in HELD.findall(box.log())]
    finally:
        del os.environ["CORRAL_LOOP_WATCH"]


def readable(stack):
    names = [name for name in FRAME.findall(stack) if name]
    if names:
        return " < ".join(names[:4])
    addresses = re.findall(r"\(\+(0x[0-9a-f]+)\)", stack)[:12]
    told = subprocess.run(["addr2line", "-Cfse", BIN / "corral", *addresses], capture_output=True, text=True).stdout.splitlines()
    own = [name for name in told[::2] if "corral::" in name] or told[::2]
    return " < ".join(re.sub(r"\(.*", "", name) for name in own[:3])


def listed(found):
    worst = collections.defaultdict(list)
    for milliseconds, stack in found:
        worst[readable(stack)].append(milliseconds)
    rows = sorted(worst.items(), key=lambda row: -max(row[1]))
    return "\n".join(f"{max(all_of):7.1f} ms {len(all_of):5} times  {name[:200]}" for name, all_of in rows) or "nothing held the loop"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as where:
        print(listed(holds(pathlib.Path(where), float(sys.argv[1]) if len(sys.argv) > 1 else 10)))
