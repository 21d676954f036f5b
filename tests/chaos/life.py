"""One life of corral: the steps that one process of it serves, with what is checked after each and at the end. What was found
and counted is `tally`, plain data, which report.py adds up; docs/reliability.md."""

from __future__ import annotations

import collections
import dataclasses
import json
import pathlib
import re
import subprocess
import sys
import threading
import time

import clients
import faults
import measure
import page
import plan
import wire
from stage import MEANT, SANITIZER, Stage
from violation import Violation

ERRORS = {500, 502, 503, 504}
FIRST_RESTARTS = {"kill.runtime": ["runtime"], "kill.tokenizer": ["tokenizer"], "kill.both": ["tokenizer", "runtime"]}
ENDS_AN_ANSWER = {"kill.runtime", "kill.both"}  # at once, where it had begun
BUGS = re.compile(r".*(ended by an exception|a request handler failed|met an exception|does not end|can't be killed|"
                  r"no new one|did not stop in time|not everything ended).*")
WRONG_ENDS = re.compile(r"\d+ ends|goes on after its end|\d+ finish reasons|not done|cut|not understood")


def empty_tally():
    return {"faults": 0, "requests": 0, "steps": 0, "hung_up": 0, "ends": {}, "by_fault": {}, "not_possible": {},
            "ready_after_fault": [], "restarts": [], "error_after_kill": [], "step_seconds": {}, "lives": [], "violations": []}


class Life:
    def __init__(self, options, folder, no_disks, page=None):
        self.options = options
        self.page = page
        self.folder = pathlib.Path(folder)
        self.no_disks = no_disks
        clients.PATIENCE = 100.0 * options.slack
        self.stage = None
        self.tally = empty_tally()
        self.ends = collections.Counter()
        self.by_fault = collections.Counter()
        self.begun = time.monotonic()

    # -- steps ------------------------------------------------------------------------------------------------------

    def perform_all(self, first, behind_last, until):
        """The steps from `first` on, no new one after the moment `until`; the tally."""
        number = first
        try:
            while number < behind_last and time.monotonic() < until and (self.options.keep_going or not self.tally["violations"]):
                step = plan.step(self.options.seed, number, self.options.course)
                begun = time.monotonic()
                try:
                    if self.stage is None:
                        self.begin(number)
                    self.perform(step)
                except (Violation, AssertionError) as what:  # the harness asserts that corral starts and listens
                    self.violate(step, getattr(what, "kind", "ready"), str(what))
                    self.drop()
                self.tally["step_seconds"][str(number)] = round(time.monotonic() - begun, 2)
                self.tally["steps"] += 1
                number += 1
                if number % 10 == 0:
                    self.progress(number)
            if self.stage is not None and number > first:
                self.end(plan.step(self.options.seed, number - 1, self.options.course))
        finally:
            self.drop()
        self.tally["ends"], self.tally["by_fault"] = dict(self.ends), dict(self.by_fault)
        return self.tally

    def begin(self, number):
        which = number // self.options.course.life
        again = len(list(self.folder.glob(f"life-{which}-*")))  # after a violation
        self.stage = Stage(self.folder / f"life-{which}-{again}", plan.life(self.options.seed, which, self.options.course),
                           self.options.slack, self.no_disks, self.page.port if self.page else 0)
        self.stage.begin()
        if self.page:
            self.page.open()
            self.page.check()
        for turn in range(3):
            self.probe(f"90000{turn}x99")
        self.load = measure.loads(self.stage.fresh_log())
        self.level = {"descriptors": self.stage.descriptors(), "kb": self.stage.own_kb()}
        self.steps_in_life = 0
        self.resident = []  # (requests so far, kB), after each step

    def drop(self):
        if self.stage is not None:
            self.stage.abandon()
            self.stage.leave()
            self.stage = None

    def perform(self, step):
        stage = self.stage
        actors = [clients.Client(spec, stage.box.port, stage.box.profile) for spec in step["clients"]]
        threads = [threading.Thread(target=self.act, args=(actor,), daemon=True) for actor in actors]
        begun = time.monotonic()
        for thread in threads:
            thread.start()
        stage.lag, stage.signalled = 0.0, None
        stage.alone = len(step["faults"]) == 1
        held = self.inject(step, begun)
        self.await_ready(step)
        for thread in threads:
            thread.join(clients.PATIENCE + 20)
            if thread.is_alive():
                raise Violation("lost", "a client never came to an end")
        self.check_answers(step, actors)
        self.settle(step)
        for fault, args, what in held:
            if fault.check:
                fault.check(stage, args, what)
        self.check_runs(step)
        self.note_restart(step, self.check_log(answered=True))
        if self.page:
            self.page.check()
        self.steps_in_life += 1
        self.resident.append((self.tally["requests"], stage.own_kb()))
        if self.steps_in_life == 8:
            self.level["kb"] = max(self.level["kb"], stage.own_kb())  # pools and caches are filled by now

    @staticmethod
    def act(actor):
        clients.time.sleep(actor.spec["start"])
        try:
            actor.run()
        except Exception as bug:  # of the checker: it must be seen, not lost with its thread
            actor.note(wire.Answer("checker", detail=repr(bug)), None, actor.spec["label"])

    def inject(self, step, begun):
        """Every fault begins and ends at its time; (fault, arguments, what its beginning gave) of each, when the last one is over."""
        moments = []
        last = max(one["at"] + one["hold"] for one in step["faults"])
        for one in step["faults"]:
            moments.append((one["at"], 0, one))
            end = (last, 2) if faults.BY_NAME[one["fault"]].heals_last else (one["at"] + one["hold"], 1)
            moments.append((*end, one))
        held = {}
        for at, over, one in sorted(moments, key=lambda each: each[:2]):
            self.stage.pause(max(0.0, begun + at - time.monotonic()))
            fault = faults.BY_NAME[one["fault"]]
            if why := self.stage.missing.get(fault.needs):
                self.tally["not_possible"][fault.name] = why
            elif not over:
                self.tally["faults"] += one["fault"] != "nothing"
                self.by_fault[one["fault"]] += 1
                held[id(one)] = fault.inject(self.stage, one["args"])
            elif fault.heal:
                fault.heal(self.stage, one["args"], held[id(one)])
        return [(faults.BY_NAME[one["fault"]], one["args"], held[id(one)]) for one in step["faults"] if id(one) in held]

    def kill_of(self, step):
        """(name, monotonic time, wall time) where all that happened in this step is that services were killed, or None."""
        name = step["faults"][0]["fault"]
        if self.stage.alone and name in FIRST_RESTARTS and self.stage.signalled:
            return name, *self.stage.signalled
        return None

    # -- checks of a step -------------------------------------------------------------------------------------------

    def allowance(self, step):
        return max(faults.BY_NAME[one["fault"]].within for one in step["faults"])

    def await_ready(self, step):
        """Ready again in time after the last fault was over."""
        healed = time.monotonic()
        limit = (self.allowance(step) + self.stage.load_seconds) * self.options.slack + self.options.margin
        while True:
            status, state = self.stage.readyz()
            if status == 200:
                break
            if time.monotonic() - healed > limit:
                raise Violation("ready", f"not ready {limit:.1f} s after the fault was over: {json.dumps(state)}")
            self.stage.pause(0.02)
        took = time.monotonic() - healed
        names = [one["fault"] for one in step["faults"]]
        if names != ["nothing"]:
            self.tally["ready_after_fault"].append(["+".join(names), round(took, 3), round(took - self.stage.load_seconds, 3)])

    def note_restart(self, step, lines):
        kill = self.kill_of(step)
        times = kill and not self.options.course.twin and measure.restart(lines, FIRST_RESTARTS[kill[0]], kill[2], self.load)
        if times:
            self.tally["restarts"].append({"step": step["number"], "fault": kill[0], **dataclasses.asdict(times)})

    def check_answers(self, step, actors):
        rules = [faults.BY_NAME[one["fault"]] for one in step["faults"]]
        tap = self.stage.settings["tap"]
        spoilt = any(rule.answers == "gaps" or (not tap and rule.name.startswith("tokenizer.")) for rule in rules)
        broken = any(rule.ends_corral for rule in rules)
        calm = all(rule.calm for rule in rules)
        kill = self.kill_of(step)
        for actor in actors:
            self.tally["requests"] += actor.abandoned + len(actor.outcomes)
            self.tally["hung_up"] += actor.abandoned
            for outcome in actor.outcomes:
                end = outcome.answer.end
                self.ends[f"{end} {outcome.answer.status}" if end == "error" else end] += 1
                told = f"{outcome.kind} {outcome.form} {outcome.label}: "
                if problem := clients.strange(outcome, spoilt):
                    self.violate(step, "foreign text" if problem.startswith("foreign") else "answer", told + problem)
                elif problem := self.unacceptable(outcome, rules, broken, calm):
                    self.violate(step, self.kind_of(end), told + problem)
                if kill and kill[0] in ENDS_AN_ANSWER and end == "error" and outcome.answer.text and outcome.kind != "slow" \
                        and outcome.over > kill[1]:
                    self.tally["error_after_kill"].append(round(outcome.over - kill[1], 4))

    @staticmethod
    def kind_of(end):
        if end in ("lost", "checker"):
            return end
        return "ends" if WRONG_ENDS.fullmatch(end) else "answer"

    @staticmethod
    def unacceptable(outcome, rules, broken, calm):
        end, status = outcome.answer.end, outcome.answer.status
        told = f"{end} {status} {outcome.answer.detail}"
        if end in ("done", "refusal", "look"):
            return ""
        if end != "error":
            return "" if broken and end in ("cut", "refused") else told
        if outcome.kind == "wild" and "refuses a value of this request" in outcome.answer.detail:
            return ""
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
                raise Violation("lease", f"the queue does not empty: {json.dumps(state)}")
            self.stage.pause(0.02)
        self.probe(f"{step['number']}x99", deadline if self.options.course.twin else 0)
        self.stage.await_none("zombie", self.stage.zombies, 5 * self.options.slack)
        self.stage.await_none("orphan", self.stage.strangers, 5 * self.options.slack)

    def probe(self, label, until=0):
        """`until`: a model may be refused that long, for of two the box is ready when one of them is."""
        spec = {"kind": "whole", "label": label, "form": "chat", "shape": "echo"}
        actor = clients.Client(spec, self.stage.box.port, self.stage.box.profile)
        actor.run()
        self.tally["requests"] += 1
        while actor.outcomes[0].answer.status == 503 and time.monotonic() < until:
            self.stage.pause(0.2)
            actor.outcomes.clear()
            actor.run()
        outcome = actor.outcomes[0]
        problem = clients.strange(outcome, False)
        if outcome.answer.end != "done" or problem:
            kind = "foreign text" if problem.startswith("foreign") else self.kind_of(outcome.answer.end)
            raise Violation(kind, f"the first request afterwards: {outcome.answer.end} {outcome.answer.status} "
                            f"{outcome.answer.detail} {problem}")

    def check_runs(self, step):
        """What the model read, of those too who left: one conversation each."""
        for record in self.stage.new_runs():
            read = record.get("kv_text", "")
            if len(set(re.findall(r"mark-([0-9x]+)-", read))) > 1 and not self.read_again(step, read):
                raise Violation("foreign text", f"a prompt entered a runtime that was not reset: {read[:600]!r}")

    def read_again(self, step, read):
        """Without the tap nothing keeps a runtime whose tokenizer fails from reading the prompt before once more, behind the new
        system prompt (docs/facts/vendor_ax.md#failures, F3). Nobody may get an answer to it, which the
        clients of the step see to."""
        names = [one["fault"] for one in step["faults"]]
        return not self.stage.settings["tap"] and read.count("<|im_start|>user\n") == 1 and any(
            "tokenizer" in name or name == "kill.both" for name in names)

    def check_log(self, answered=False):
        """The new lines. `answered`: a request has ended since the last look, so there must be a line of it."""
        fresh = self.stage.fresh_log()
        deadline = time.monotonic() + 5 * self.options.slack
        while answered and not any(" INFO request id=" in line for line in fresh):
            if time.monotonic() > deadline:
                raise Violation("log", "the log says nothing of a request that was answered")
            self.stage.pause(0.02)
            fresh += self.stage.fresh_log()
        for line in fresh:
            if SANITIZER.search(line) and not MEANT.search(line):
                self.stage.pause(2)  # the rest of the report
                raise Violation("sanitizer", "\n".join([line, *self.stage.fresh_log()[:60]]))
            if BUGS.match(line):
                raise Violation("log", f"the log says: {line}")
            if "mark-" in line:
                raise Violation("log", f"a prompt or an answer in the log: {line[:300]}")
        return fresh

    def violate(self, step, kind, what):
        if self.stage is not None and self.stage.lag > 0.5:
            what += f" (a pause took {self.stage.lag:.1f} s too long: this machine is too busy for its clocks, see --slack)"
        self.tally["violations"].append({"step": step["number"], "kind": kind, "what": what})
        print(f"\nFAILED in step {step['number']}: {what}\n{plan.shown(step)}", file=sys.stderr, flush=True)

    def progress(self, number):
        print(f"step {number - 1}: {self.tally['faults']} faults, {self.tally['requests']} requests, "
              + ", ".join(f"{count} {end}" for end, count in self.ends.most_common(4))
              + f", {len(self.tally['violations'])} failures, {time.monotonic() - self.begun:.0f} s of this life",
              file=sys.stderr, flush=True)

    # -- the end of a life ------------------------------------------------------------------------------------------

    def end(self, step):
        try:
            self.check_level(self.stage)
            self.stage.end_corral()
            self.check_log()
        except (Violation, subprocess.TimeoutExpired) as what:
            self.violate(step, getattr(what, "kind", "exit"), f"at the end of this life: {what}")
        self.drop()

    def check_level(self, stage):
        """Descriptors and memory near what they were, and no work without clients."""
        before = collections.Counter(self.level["descriptors"])
        deadline = time.monotonic() + 10 * self.options.slack
        while True:
            now = collections.Counter(stage.descriptors())
            if sum(now.values()) <= sum(before.values()) + (page.CONNECTIONS if self.page else 0):
                break
            if time.monotonic() > deadline:
                raise Violation("descriptors", f"descriptors: {sum(before.values())} before, {sum(now.values())} after; more: {now - before}")
            stage.pause(0.1)
        grown = stage.own_kb() - self.level["kb"]
        cpu = stage.cpu_seconds()
        stage.pause(1)
        cpu = stage.cpu_seconds() - cpu
        slope = measure.slope(self.resident[len(self.resident) // 5:]) if self.options.soak else None
        self.tally["lives"].append({"steps": self.steps_in_life, "descriptors": [sum(before.values()), sum(now.values())],
                           "kb": [self.level["kb"], self.level["kb"] + grown], "kb_in_1000_requests": slope,
                           "idle_cpu_seconds": round(cpu, 3)})
        if slope and slope["low"] * 100 > self.options.memory * 1024:
            raise Violation("memory", f"memory: grows by {slope['middle']} kB in 1,000 requests ({slope['low']} to {slope['high']})")
        if grown > self.options.memory * 1024:
            raise Violation("memory", f"memory: {self.level['kb']} kB after the first steps, {grown} kB more at the end")
        if cpu > 0.3:
            raise Violation("cpu", f"{cpu:.2f} s of processor time in one idle second")
