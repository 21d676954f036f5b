"""What a box meets in the field, for tools/check_package: on the booted machine, with the package installed and a model served."""

import contextlib
import json
import os
import pathlib
import shutil

from package_box import BOX, ROOT, answered, asked, chat, main_pid, run, runtime_of, services_of, status, step, wait_for

FAKE_CLOCK = pathlib.Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
DROP_IN = "/etc/systemd/system/corral.service.d/drill.conf"


def told(machine):
    """What the owner is told: the times of the boot, and the journal by its fields."""
    with step("the times since power-on in corral status") as notes:
        boot = wait_for(lambda: status(machine)["boot"] if status(machine)["boot"]["first_answer"] else None, "the first answer")
        assert boot["started"]["after_power_on"] <= boot["listening"]["after_power_on"] <= boot["first_answer"]["after_power_on"]
        assert [model["name"] for model in boot["models"]] == ["sim:latest"], boot
        ports, model, answer = (one["after_start"] for one in (boot["listening"], boot["models"][0], boot["first_answer"]))
        notes.append(f"after Corral's start: ports {ports} s, model {model} s, first answer {answer} s")
    with step("the journal by its fields") as notes:
        def lines():
            said = machine.sh("journalctl -u corral -o json MODEL=sim:latest", check=False).stdout
            return [json.loads(line) for line in said.splitlines() if line.startswith("{")]

        found = wait_for(lambda: [one for one in lines() if one.get("EVENT") == "service.ready"], "a line of the model", 20)
        assert found[0]["SERVICE"] and found[0]["PRIORITY"] == "6" and found[0]["SYSLOG_IDENTIFIER"] == "corral", found[0]
        asked_for = wait_for(lambda: [one for one in lines() if one.get("REQUEST_ID")], "the line of a request", 20)
        notes.append(f"{len(lines())} lines of MODEL=sim:latest, REQUEST_ID={asked_for[0]['REQUEST_ID']}")


def watchdog(machine):
    with step("Corral is stopped by SIGSTOP: the watchdog") as notes:
        pid = main_pid(machine)
        machine.sh(f"kill -STOP {pid}")
        wait_for(lambda: main_pid(machine) not in (pid, "0", ""), "systemd starts it anew", 180)
        answered(machine)
        said = machine.sh("journalctl -b -u corral --no-pager | grep -i watchdog | head -n 1", check=False).stdout.strip()
        notes.append(said.split("]: ")[-1])


@contextlib.contextmanager
def small_state(machine):
    """The state directory on a disk of 2 MB."""
    machine.sh("systemctl stop corral && cp -a /var/lib/corral /root/state"
               " && mount -t tmpfs -o size=2m,mode=0750 tmpfs /var/lib/corral && chown corral:corral /var/lib/corral"
               " && cp -a /root/state/. /var/lib/corral/ && systemctl start corral")
    yield
    machine.sh("systemctl stop corral; umount /var/lib/corral; rm -rf /root/state; systemctl start corral")


def full_disk(machine):
    with step("the disk of the state is full") as notes, small_state(machine):
        answered(machine)
        machine.sh("dd if=/dev/zero of=/var/lib/corral/filler bs=4k 2>/dev/null; true")
        answered(machine)
        before = machine.sh("cat /var/lib/corral/keys", check=False).stdout
        refused = machine.sh("corral key new late --file /var/lib/corral/keys", check=False)
        assert refused.returncode != 0 and "space" in refused.stderr, refused.stderr
        assert machine.sh("cat /var/lib/corral/keys", check=False).stdout == before, "the keys changed although it was refused"
        machine.sh("systemctl restart corral")
        answered(machine)
        notes.append(refused.stderr.strip())
        machine.sh("rm /var/lib/corral/filler && corral key new late --file /var/lib/corral/keys")
    answered(machine)


def read_only_root(machine):
    with step("a boot with a read-only root, and the state on a disk of its own") as notes:
        machine.power_off()
        state = BOX / "state"
        shutil.rmtree(state, ignore_errors=True)
        # With its owner, whom this machine need not know.
        os.system(f"cp -a '{machine.root}/var/lib/corral' '{state}'")
        machine.words = ("--read-only", f"--bind={state}:/var/lib/corral", "--tmpfs=/var/tmp", "--tmpfs=/var/log")
        machine.boot()
        answered(machine)
        refused = machine.sh("corral import /srv/models/sim --name other --force", check=False)
        assert refused.returncode == 2 and "ead-only file system" in refused.stderr, refused.stderr + refused.stdout
        notes.append([line for line in refused.stderr.splitlines() if "ead-only" in line][0].strip())
        machine.sh("systemctl restart corral")
        answered(machine)
        machine.power_off()
        machine.words = ()
        machine.boot()
        answered(machine)


def host_pids(machine, inner):
    """What this machine calls processes of the box."""
    space = os.readlink(f"/proc/{machine.leader()}/ns/pid")
    out = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, StopIteration):
            if os.readlink(entry / "ns/pid") == space:
                line = next(one for one in (entry / "status").read_text().splitlines() if one.startswith("NSpid:"))
                out += [entry.name] if line.split()[-1] in inner else []
    return out


def memory_runs_out(machine):
    """A limit on all of Corral's processes together; the kernel chooses."""
    groups = pathlib.Path("/sys/fs/cgroup/memory")
    if not (groups / "memory.limit_in_bytes").exists() or shutil.which("cc") is None:
        print("not tried: a runtime that eats memory (no memory control group of version 1 here, or no C compiler)")
        return
    group = groups / "corral-drill"
    with step("a runtime that eats memory") as notes:
        run("cc", "-shared", "-fPIC", "-pthread", "-o", machine.root / "usr/lib/hungry.so", ROOT / "tools/hungry.c")
        manifest = machine.root / "etc/corral/models.d/sim-latest.toml"
        before = manifest.read_text()
        # The import's manifest ends in the variables of the runtime.
        hungry = before.replace("[services.runtime]\n", '[services.runtime]\nguard = "off"\n')
        manifest.write_text(hungry + 'LD_PRELOAD = "/usr/lib/hungry.so"\n')
        machine.sh("corral reload")
        wait_for(lambda: "hungry" in machine.sh(f"cat /proc/{runtime_of(machine)['pid']}/maps", check=False).stdout,
                 "the new runtime", 120)
        answered(machine)
        pid, services = main_pid(machine), services_of(machine)
        group.mkdir(exist_ok=True)
        (group / "memory.limit_in_bytes").write_text("500M")
        for one in host_pids(machine, {pid, *(str(service["pid"]) for service in services)}):
            (group / "cgroup.procs").write_text(one)
        machine.sh("mkdir -p /run/hungry && touch /run/hungry/memory")
        try:
            said = wait_for(lambda: machine.sh("journalctl -b -u corral --no-pager | grep 'Memory ran out' | head -n 1",
                                               check=False).stdout.strip(), "the cause is named", 60)
        finally:
            machine.sh("rm -rf /run/hungry")
        answered(machine)
        assert main_pid(machine) == pid, "Corral died with it"
        after = {service["name"]: service["pid"] for service in services_of(machine)}
        others = {service["name"]: service["pid"] for service in services if service["name"] != "runtime"}
        assert all(after[name] == its_pid for name, its_pid in others.items()), "others died with it"
        notes.append(said.split("]: ")[-1])
        manifest.write_text(before)
        machine.sh("corral reload && rm /usr/lib/hungry.so && systemctl restart corral")
        answered(machine)
        group.rmdir()


def first_clock(machine):
    if not FAKE_CLOCK.exists():
        print("not tried: a clock in 1970 (the package faketime is not installed)")
        return
    with step("a clock that begins in 1970 and jumps to 2026") as notes:
        shutil.copy(FAKE_CLOCK, machine.root / "usr/lib/fake_clock.so")
        (machine.root / "etc/fake_clock").write_text("@1970-01-01 00:00:20\n")
        drop_in = machine.root / DROP_IN.lstrip("/")
        drop_in.parent.mkdir(parents=True, exist_ok=True)
        drop_in.write_text("[Service]\nEnvironment=LD_PRELOAD=/usr/lib/fake_clock.so FAKETIME_TIMESTAMP_FILE=/etc/fake_clock "
                           "FAKETIME_NO_CACHE=1 DONT_FAKE_MONOTONIC=1\n")
        machine.sh("systemctl daemon-reload && systemctl restart corral")
        answered(machine)
        when = json.loads(asked(machine, "http://127.0.0.1:11434/api/chat", {
            "model": "sim", "stream": False, "messages": [{"role": "user", "content": "what year is it"}]}))["created_at"]
        assert when.startswith("1970-01-01"), when
        pid = main_pid(machine)
        (machine.root / "etc/fake_clock").write_text("@2026-01-01 00:00:00\n")
        wait_for(lambda: chat(machine).get("created_at", "").startswith("2026-01"), "an answer of 2026", 30)
        assert main_pid(machine) == pid, "the jump ended it"
        services = services_of(machine)
        assert all(one["starts"] == 1 for one in services), f"the jump restarted a service: {services}"
        notes.append("answers on both sides of it, in the same processes")
        machine.sh(f"rm {DROP_IN} /etc/fake_clock /usr/lib/fake_clock.so && systemctl daemon-reload && systemctl restart corral")
        answered(machine)


def all_of_them(machine):
    watchdog(machine)
    memory_runs_out(machine)
    full_disk(machine)
    first_clock(machine)
    read_only_root(machine)
