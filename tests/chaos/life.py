"""A seeded run of clients and faults against the real program. The plan (plan.py) is made before it is performed; what is
checked after each step, and at the end of each life of corral, is below and in docs/chaos.md."""

from __future__ import annotations

import argparse
import collections
import json
import pathlib
import re
import shutil
import signal
import sys
import tempfile
import threading
import time

import clients
import faults
import harness
import plan
import wire
from stage import Stage, Violation

ERRORS = {500, 502, 503, 504}
FIRST_RESTARTS = {"kill.runtime", "kill.tokenizer", "kill.both"}
BUGS = re.compile(r".*(ended by an exception|a request handler failed|met an exception|does not end|can't be killed|"
                  r"no new one|did not stop in time|not everything ended).*")


class Run:
    def __init__(self, options):
        self.options = options
        clients.PATIENCE *= options.slack
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="corral-chaos-"))
        self.stage = None
        self.counts = collections.Counter()
        self.ends = collections.Counter()
        self.by_fault = collections.Counter()
        self.recoveries = collections.defaultdict(list)
        self.step_seconds = {}
        self.restarts = []  # seconds from a kill to readiness
        self.lives = []
        self.violations = []
        self.requests = 0
        self.faults = 0
        self.begun = time.monotonic()

    # -- steps ------------------------------------------------------------------------------------------------------

    def wanted(self, number):
        if self.options.seconds is not None:
            return time.monotonic() - self.begun < self.options.seconds
        return self.faults < self.options.faults

    def perform_all(self):
        number = self.options.start
        try:
            while self.wanted(number) and (self.options.keep_going or not self.violations):
                if self.stage is None:
                    self.begin_life(number // plan.LIFE)
                step = plan.step(self.options.seed, number)
                step_begun = time.monotonic()
                try:
                    self.perform(step)
                except Violation as what:
                    self.violate(step, str(what))
                    self.stage.abandon()
                    self.stage = None
                self.step_seconds[number] = time.monotonic() - step_begun
                self.progress(number)
                number += 1
                if number % plan.LIFE == 0:
                    self.end_life(step)
            if self.stage is not None and not (self.violations and not self.options.keep_going):
                self.end_life(plan.step(self.options.seed, number - 1))
        finally:
            if self.stage is not None:
                self.stage.abandon()

    def begin_life(self, number):
        self.stage = Stage(self.folder / f"life-{number}-{len(self.lives)}", plan.life(self.options.seed, number),
                           self.options.slack)
        self.stage.begin()
        for turn in range(3):
            self.probe(f"90000{turn}x99")
        self.log_read = 0
        self.level = {"descriptors": self.stage.descriptors(), "kb": self.stage.resident_kb()}
        self.steps_in_life = 0

    def perform(self, step):
        stage = self.stage
        actors = [clients.Client(spec, stage.box.port) for spec in step["clients"]]
        threads = [threading.Thread(target=self.act, args=(actor,), daemon=True) for actor in actors]
        begun = time.monotonic()
        for thread in threads:
            thread.start()
        stage.lag = 0.0
        killed_at = self.inject(step, begun)
        self.await_ready(step, killed_at)
        for thread in threads:
            thread.join(clients.PATIENCE + 20)
            if thread.is_alive():
                raise Violation("a client never came to an end")
        self.check_answers(step, actors)
        self.settle(step)
        self.check_runs()
        self.check_log()
        self.steps_in_life += 1
        if self.steps_in_life == 8:
            self.level["kb"] = max(self.level["kb"], stage.resident_kb())  # pools and caches are filled by now

    @staticmethod
    def act(actor):
        clients.time.sleep(actor.spec["start"])
        try:
            actor.run()
        except Exception as bug:  # of the checker: it must be seen, not lost with its thread
            actor.note(wire.Answer("checker", detail=repr(bug)), None, actor.spec["label"])

    def inject(self, step, begun):
        """Every fault begins and ends at its time; returns when the last one is over. The moment of the last kill, if any."""
        moments = []
        for one in step["faults"]:
            moments.append((one["at"], 0, one))
            moments.append((one["at"] + one["hold"], 1, one))
        held = {}
        killed_at = None
        for at, over, one in sorted(moments, key=lambda each: each[:2]):
            self.stage.pause(max(0.0, begun + at - time.monotonic()))
            fault = faults.BY_NAME[one["fault"]]
            if not over:
                self.faults += one["fault"] != "nothing"
                self.by_fault[one["fault"]] += 1
                if one["fault"] in FIRST_RESTARTS:
                    killed_at = time.monotonic()
                held[id(one)] = fault.inject(self.stage, one["args"])
            elif fault.heal:
                fault.heal(self.stage, one["args"], held[id(one)])
        return killed_at if len(step["faults"]) == 1 else None

    # -- checks of a step -------------------------------------------------------------------------------------------

    def allowance(self, step):
        return max(faults.BY_NAME[one["fault"]].within for one in step["faults"])

    def await_ready(self, step, killed_at):
        """Ready again in time after the last fault was over."""
        healed = time.monotonic()
        limit = (self.allowance(step) + self.stage.load_seconds) * self.options.slack + self.options.margin
        while True:
            status, state = self.stage.readyz()
            if status == 200:
                break
            if time.monotonic() - healed > limit:
                raise Violation(f"not ready {limit:.1f} s after the fault was over: {json.dumps(state)}")
            self.stage.pause(0.02)
        took = time.monotonic() - healed
        self.recoveries["+".join(one["fault"] for one in step["faults"])].append(took)
        if killed_at and took > 0.02:
            self.restarts.append(time.monotonic() - killed_at)

    def check_answers(self, step, actors):
        rules = [faults.BY_NAME[one["fault"]] for one in step["faults"]]
        tap = self.stage.settings["tap"]
        spoilt = any(rule.answers == "gaps" or (not tap and rule.name.startswith("tokenizer.")) for rule in rules)
        broken = any(rule.ends_corral for rule in rules)
        calm = all(rule.name == "nothing" for rule in rules)
        for actor in actors:
            self.requests += actor.abandoned + len(actor.outcomes)
            self.counts["hung up"] += actor.abandoned
            for outcome in actor.outcomes:
                end = outcome.answer.end
                self.ends[f"{end} {outcome.answer.status}" if end == "error" else end] += 1
                problem = clients.strange(outcome, spoilt) or self.unacceptable(outcome, rules, broken, calm)
                if problem:
                    self.violate(step, f"{outcome.kind} {outcome.form} {outcome.label}: {problem}")

    @staticmethod
    def unacceptable(outcome, rules, broken, calm):
        end, status = outcome.answer.end, outcome.answer.status
        told = f"{end} {status} {outcome.answer.detail}"
        if end in ("done", "refusal", "look"):
            return ""
        if end != "error":
            return "" if broken and end in ("cut", "refused") else told
        if status == 200:
            return told if calm else ""
        if status == 400 and (outcome.kind == "big" or any("context" in rule.name for rule in rules)):
            return ""
        return "" if status in ERRORS and not calm else told

    def settle(self, step):
        """No lease is held, no zombie is left, and the next request is answered right."""
        deadline = time.monotonic() + (self.allowance(step) + 5) * self.options.slack
        while True:
            status, state = self.stage.readyz()
            queue = state.get("queue", {})
            if status == 200 and (queue.get("waiting"), queue.get("running")) == (0, 0):
                break
            if time.monotonic() > deadline:
                raise Violation(f"the queue does not empty: {json.dumps(state)}")
            self.stage.pause(0.02)
        self.probe(f"{step['number']}x99")
        deadline = time.monotonic() + 5 * self.options.slack
        while zombies := self.stage.zombies():
            if time.monotonic() > deadline:
                raise Violation(f"zombies: {zombies}")
            self.stage.pause(0.02)

    def probe(self, label):
        spec = {"kind": "whole", "label": label, "form": "chat", "shape": "echo"}
        actor = clients.Client(spec, self.stage.box.port)
        actor.run()
        self.requests += 1
        outcome = actor.outcomes[0]
        problem = clients.strange(outcome, False)
        if outcome.answer.end != "done" or problem:
            raise Violation(f"the first request afterwards: {outcome.answer.end} {outcome.answer.status} "
                            f"{outcome.answer.detail} {problem}")

    def check_runs(self):
        """What the model read, of those too who left: one conversation each."""
        for record in self.stage.new_runs():
            marks = set(re.findall(r"mark-([0-9x]+)-", record.get("kv_text", "")))
            if len(marks) > 1:
                raise Violation(f"a prompt entered a runtime that was not reset: {record['kv_text'][:600]!r}")

    def check_log(self):
        log = self.stage.box.log_file.read_bytes()
        fresh = log[self.log_read:].decode(errors="replace")
        self.log_read = len(log)
        for line in fresh.splitlines():
            if BUGS.match(line):
                raise Violation(f"the log says: {line}")
            if "mark-" in line:
                raise Violation(f"a prompt or an answer in the log: {line[:300]}")

    def violate(self, step, what):
        if self.stage is not None and self.stage.lag > 0.5:
            what += f" (a pause took {self.stage.lag:.1f} s too long: this machine is too busy for its clocks, see --slack)"
        self.violations.append({"step": step["number"], "what": what})
        print(f"\nFAILED in step {step['number']}: {what}\n{plan.shown(step)}", file=sys.stderr, flush=True)

    # -- the end of a life ------------------------------------------------------------------------------------------

    def end_life(self, step):
        if self.stage is None:
            return
        stage, self.stage = self.stage, None
        try:
            self.check_level(stage)
            stage.end_corral()
        except Violation as what:
            self.violate(step, f"at the end of this life: {what}")
            stage.abandon()

    def check_level(self, stage):
        """Descriptors and memory near what they were, and no work without clients."""
        before = collections.Counter(self.level["descriptors"])
        deadline = time.monotonic() + 10 * self.options.slack
        while True:
            now = collections.Counter(stage.descriptors())
            if sum(now.values()) <= sum(before.values()) + 2:
                break
            if time.monotonic() > deadline:
                raise Violation(f"descriptors: {sum(before.values())} before, {sum(now.values())} after; more: {now - before}")
            stage.pause(0.1)
        grown = stage.resident_kb() - self.level["kb"]
        cpu = stage.cpu_seconds()
        stage.pause(1)
        cpu = stage.cpu_seconds() - cpu
        self.lives.append({"steps": self.steps_in_life, "descriptors": [sum(before.values()), sum(now.values())],
                           "kb": [self.level["kb"], self.level["kb"] + grown], "idle_cpu_seconds": round(cpu, 3)})
        if grown > self.options.memory * 1024:
            raise Violation(f"memory: {self.level['kb']} kB after the first steps, {grown} kB more at the end")
        if cpu > 0.3:
            raise Violation(f"{cpu:.2f} s of processor time in one idle second")

    # -- telling ----------------------------------------------------------------------------------------------------

    def progress(self, number):
        took = time.monotonic() - self.begun
        line = (f"step {number}: {self.faults} faults, {self.requests} requests, "
                + ", ".join(f"{count} {end}" for end, count in self.ends.most_common(4))
                + f", {len(self.violations)} failures, {took:.0f} s")
        if sys.stderr.isatty():
            print(f"\r{line}\x1b[K", end="", file=sys.stderr, flush=True)
        elif number % 10 == 9:
            print(line, file=sys.stderr, flush=True)

    def report(self):
        restarts = sorted(self.restarts)
        at = lambda share: round(restarts[min(len(restarts) - 1, int(len(restarts) * share))], 3) if restarts else None
        return {"seed": self.options.seed, "first_step": self.options.start, "seconds": round(time.monotonic() - self.begun, 1),
                "faults": self.faults, "requests": self.requests, "ends": dict(self.ends), "hung_up": self.counts["hung up"],
                "by_fault": dict(self.by_fault.most_common()), "ready_after_kill_seconds": {"p50": at(0.5), "p99": at(0.99),
                                                                                            "count": len(restarts)},
                "slowest_recoveries": dict(sorted(((k, round(max(v), 3)) for k, v in self.recoveries.items()),
                                                  key=lambda pair: -pair[1])[:12]),
                "slowest_steps": {k: round(v, 1) for k, v in sorted(self.step_seconds.items(), key=lambda pair: -pair[1])[:8]},
                "lives": self.lives, "violations": self.violations}


def options_of(arguments):
    parser = argparse.ArgumentParser(prog="tools/chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="decides every step (default 1)")
    parser.add_argument("--faults", type=int, default=100, help="how many faults to inject (default 100)")
    parser.add_argument("--seconds", type=float, help="for so long instead, whole steps only")
    parser.add_argument("--from", dest="start", type=int, default=0, metavar="STEP", help="begin with this step of the plan")
    parser.add_argument("--bin", help="folder of the programs (default build/release/bin)")
    parser.add_argument("--plan", action="store_true", help="show the steps instead of performing them")
    parser.add_argument("--keep-going", action="store_true", help="go on after a failure")
    parser.add_argument("--keep", action="store_true", help="leave the logs, also when all is well")
    parser.add_argument("--json", metavar="FILE", help="write the report there")
    parser.add_argument("--margin", type=float, default=4.0, help="seconds beside the load and the fault's own time (default 4)")
    parser.add_argument("--slack", type=float, default=1.0, help="multiplies all clocks and limits of time, for sanitizers and busy machines")
    parser.add_argument("--memory", type=float, default=24, help="MiB that corral may have grown by at the end (default 24)")
    return parser.parse_args(arguments)


def main(arguments):
    options = options_of(arguments)
    if options.plan:
        faults_shown, number = 0, options.start
        while faults_shown < options.faults:
            step = plan.step(options.seed, number)
            faults_shown += sum(one["fault"] != "nothing" for one in step["faults"])
            print(plan.shown(step))
            number += 1
        return 0
    run = Run(options)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended all the same
    try:
        run.perform_all()
    finally:
        for process in harness.started:
            if process.poll() is None:
                process.kill()
                process.wait()
    report = run.report()
    print("\n" + json.dumps(report, indent=2))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(report, indent=2) + "\n")
    if run.violations:
        first = run.violations[0]["step"]
        near = max(first - 2, 0)
        print(f"\nLogs: {run.folder}\nAll of it again: tools/chaos --seed {options.seed} --from {options.start} "
              f"--faults {max(run.faults, 1)}\nOnly the steps around it: tools/chaos --seed {options.seed} --from {near} --faults "
              f"{first - near + 1}", file=sys.stderr)
        return 1
    if options.keep:
        print(f"Logs: {run.folder}", file=sys.stderr)
    else:
        shutil.rmtree(run.folder, ignore_errors=True)
    return 0
