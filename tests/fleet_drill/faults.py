"""What happens to a fleet within some minutes, by a plan of the seed's."""

from __future__ import annotations

import dataclasses
import random
import signal
import threading
import time

from harness import wait_until

NOBODY = 0  # a fault of the edge, not of a box


@dataclasses.dataclass(frozen=True)
class Kind:
    hold: float  # seconds
    share: int  # how often, of a plan of SHARES
    of_box: bool = True


KINDS = {
    "kill": Kind(3, 7),  # all processes of a box, which begin again afterwards
    "runtime": Kind(0, 6),  # the vendor's program alone
    "freeze": Kind(10, 4),
    "freeze_long": Kind(75, 1),  # longer than the edge's patience with a silent stream
    "drain": Kind(8, 5),
    "drop": Kind(8, 4),  # the network swallows all of it
    "drop_long": Kind(70, 1),
    "reject": Kind(8, 4),
    "delay": Kind(20, 4),  # 300 ms
    "loss": Kind(20, 4),  # 2 %
    "swap": Kind(0, 6),  # a model is unloaded
    "appear": Kind(6, 5),  # a name that nobody had, on one box
    "reload": Kind(0, 5, of_box=False),
    "kill_watch": Kind(6, 4, of_box=False),  # killed, and begun again
}
SHARES = sum(kind.share for kind in KINDS.values())
TOGETHER = 2  # boxes that have one at the same time
BACK = 20  # seconds for a box to be itself again


def plan(seed, seconds, boxes):
    """(begin in seconds, kind, number of the box) in order; a part of the plan where there is less time than for all of it."""
    dice = random.Random(seed)
    # One that lasts as long as the run would leave no box for others.
    deck = [name for name, kind in KINDS.items() for _ in range(kind.share) if kind.hold < seconds / 4]
    dice.shuffle(deck)
    deck.sort(key=lambda name: not name.endswith("_long"))  # these first: they need their time
    wanted = max(1, min(SHARES, round(SHARES * seconds / 600)))
    step = seconds / (wanted + 1)
    busy = {}  # box -> until
    out = []
    for place, name in enumerate(deck[:wanted]):
        begin = step * (place + 0.5)
        kind = KINDS[name]
        box = NOBODY
        if kind.of_box:
            busy = {number: until for number, until in busy.items() if until > begin}
            free = [number for number in range(1, boxes + 1) if number not in busy]
            if len(busy) >= TOGETHER:
                begin = max(begin, sorted(busy.values())[len(busy) - TOGETHER])
                busy = {number: until for number, until in busy.items() if until > begin}
                free = [number for number in range(1, boxes + 1) if number not in busy]
            box = dice.choice(free)
            busy[box] = begin + kind.hold + (BACK if name in ("kill", "freeze_long", "drop_long") else 5)
        out.append((begin, name, box))
    return sorted(one for one in out if one[0] + KINDS[one[1]].hold < seconds)


class Performer:
    """Performs a plan on a fleet; what each fault showed is in `done`."""

    def __init__(self, fleet, edge, watch, probes, over):
        self.fleet, self.edge, self.watch, self.probes, self.over = fleet, edge, watch, probes, over
        self.done, self.problems = [], []
        self.guests = 0

    def perform(self, plan, say):
        begun = time.monotonic()
        threads = []
        for at, name, number in plan:
            if self.over.wait(max(0.0, begun + at - time.monotonic())):
                break
            say(f"{at:6.1f} s: {name}" + (f" of box{number}" if number else ""))
            threads.append(threading.Thread(target=self.one, args=(name, number)))
            threads[-1].start()
        for thread in threads:
            thread.join()

    def one(self, name, number):
        box = self.fleet.boxes[number - 1] if number else None
        begun = time.monotonic()
        try:
            shown = getattr(self, name)(box, KINDS[name].hold) or {}
        except Exception as error:
            self.problems.append(f"{name} of box{number}: {error!r}")
            shown = {"error": repr(error)}
        self.done.append({"fault": name, "box": number, "begun": begun, "ended": time.monotonic(), **shown})

    def away(self, box, since, until):
        """Seconds for which a request for a model of this box found no box, or was kept by one: what HAProxy lost with a probe beside
        its wait for a place, or the time without a good answer."""
        return max(max(self.probes[model].refused(since, until), self.edge.lost(model, since, until)) for model in box.models)

    # -- faults -----------------------------------------------------------------------------------------------------------

    def kill(self, box, hold):
        begun = time.monotonic()
        box.kill_all()
        self.over.wait(hold)
        box.start(wait_ready=False)
        wait_until(box.serves_all, 60, f"{box.name} is ready again")
        back = time.monotonic() - begun
        self.over.wait(2)
        return {"away": self.away(box, begun, begun + back), "back": back}

    def runtime(self, box, _):
        box.kill("runtime")

    def freeze(self, box, hold):
        begun = time.monotonic()
        box.signal_all(signal.SIGSTOP)
        self.over.wait(hold)
        box.signal_all(signal.SIGCONT)
        return {"away": self.away(box, begun, begun + hold)}

    freeze_long = freeze

    def drain(self, box, hold):
        assert box.post("/corral/v1/drain", {}).status == 200
        self.over.wait(hold)
        assert box.post("/corral/v1/undrain", {}).status == 200

    def cut(self, box, hold, begin):
        begun = time.monotonic()
        begin()
        try:
            self.over.wait(hold)
        finally:
            box.line.heal()
        return {"away": self.away(box, begun, begun + hold)}

    def drop(self, box, hold):
        return self.cut(box, hold, box.line.drop)

    drop_long = drop

    def reject(self, box, hold):
        return self.cut(box, hold, box.line.reject)

    def delay(self, box, hold):
        return self.cut(box, hold, lambda: box.line.disturb(delay=0.3))

    def loss(self, box, hold):
        return self.cut(box, hold, lambda: box.line.disturb(loss=0.02))

    def swap(self, box, _):
        model = sorted(box.models)[0]
        assert box.post("/api/generate", {"model": model, "keep_alive": 0}).status == 200

    def appear(self, box, _):
        self.guests += 1
        name, model = f"guest{self.guests}", sorted(box.models)[0]
        status = lambda: self.edge.post("/api/show", {"model": name}).status
        begun = time.monotonic()
        assert box.post("/api/create", {"model": name, "from": model, "stream": False}).status == 200
        # Longer where the watch is dead just then.
        wait_until(lambda: status() == 200, 60, f"{name} is known at the edge")
        known = time.monotonic() - begun
        begun = time.monotonic()
        assert box.request("DELETE", "/api/delete", {"model": name}).status == 200
        wait_until(lambda: status() == 404, 60, f"{name} is gone at the edge")
        return {"known": known, "gone": time.monotonic() - begun}

    def reload(self, *_):
        self.edge.reload()

    def kill_watch(self, _, hold):
        self.watch.kill()
        self.over.wait(hold)
        self.watch.__enter__()
