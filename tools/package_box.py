"""The booted Debian of tools/check_package: a root file system on a disk of its own, and what can be asked of it."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "build/package"
BOX = PACKAGES / "box"
TAGS = "http://127.0.0.1:11434/api/tags"
CHAT = "http://127.0.0.1:11434/api/chat"
REBOOTED = 133  # the status of systemd-nspawn
# What an empty Debian lacks to boot, and curl as a client; corral has to bring what it needs itself.
INCLUDED = "systemd,systemd-sysv,dbus,curl,procps,udev"


def skip(why):
    print(f"not tried: {why}", file=sys.stderr)
    sys.exit(77)


def run(*words, check=True, **how):
    done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, capture_output=True, text=True, **how)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: status {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done


@contextlib.contextmanager
def step(what):
    began = time.monotonic()
    notes = []
    try:
        yield notes
    except Exception as why:
        print(f"FAILED: {what}: {why}", file=sys.stderr)
        raise
    print(f"{what}: {time.monotonic() - began:.1f} s{''.join('; ' + note for note in notes)}", flush=True)


def wait_for(condition, what, limit=60):
    until = time.monotonic() + limit
    while time.monotonic() < until:
        seen = condition()
        if seen:
            return seen
        time.sleep(0.05)
    raise RuntimeError(f"not within {limit} s: {what}")


class Machine:
    """An overlay on the empty root, whose writes go to a disk of its own; systemd runs in it as process 1. A power cut ends every
    process at once, and what nobody has synced is gone: the disk goes on as the copy of what had reached it by then."""

    def __init__(self):
        self.base, self.disk, self.root = (BOX / name for name in ("base", "disk", "root"))
        self.images = [BOX / "disk_a.img", BOX / "disk_b.img"]
        self.nspawn = None
        self.log = None
        self.words = ()  # more for systemd-nspawn

    def make(self):
        self.unmount()
        shutil.rmtree(BOX, ignore_errors=True)
        BOX.mkdir(parents=True)
        run("mmdebstrap", "--quiet", "--variant=minbase", f"--include={INCLUDED}", "bookworm", self.base, timeout=600)
        for name in ("etc/resolv.conf",):
            shutil.copyfile("/" + name, self.base / name)
        for proxy in pathlib.Path("/etc/apt/apt.conf.d").glob("*proxy*"):
            shutil.copyfile(proxy, self.base / "etc/apt/apt.conf.d" / proxy.name)

    def mount(self):
        self.root.mkdir(exist_ok=True)
        self.disk.mkdir(exist_ok=True)
        if not self.images[0].exists():
            with open(self.images[0], "wb") as image:
                image.truncate(2 << 30)
            run("mkfs.ext4", "-q", "-O", "^metadata_csum_seed", self.images[0])
        run("mount", "-o", "loop", self.images[0], self.disk)
        for folder in ("upper", "work"):
            (self.disk / folder).mkdir(exist_ok=True)
        run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={self.base},upperdir={self.disk}/upper,workdir={self.disk}/work",
            self.root)

    def unmount(self):
        for place in (self.root, self.disk):
            # What nspawn held goes a moment after it.
            for _ in range(100):
                if run("umount", place, check=False).returncode == 0 or not os.path.ismount(place):
                    break
                time.sleep(0.05)

    def lose_what_is_not_synced(self):
        """The file behind the disk has what was written to the disk; what waits in memory is not in its copy."""
        run("cp", "--sparse=always", self.images[0], self.images[1])
        self.unmount()
        self.images.reverse()
        self.mount()

    def fetch(self, packages):
        """The dependencies, for the booted machine has no network."""
        for package in packages:
            shutil.copy(package, self.base / "root")
        names = ["/root/" + package.name for package in packages]
        environment = {name: os.environ[name] for name in os.environ if name.endswith("_proxy")}
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", **environment}
        run("chroot", self.base, "apt-get", "update", "-qq", env=environment, timeout=300)
        run("chroot", self.base, "apt-get", "install", "-y", "--no-install-recommends", "--download-only", *names, env=environment,
            timeout=600)

    def boot(self):
        self.log = open(BOX / "console.log", "ab")
        self.nspawn = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--boot", "--keep-unit", "--register=no", "--private-network", *self.words, "-D",
             self.root],
            # Control groups as Debian boots with them, whatever this machine has.
            env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        self.wait_up()

    def wait_up(self):
        wait_for(lambda: self.sh("systemctl is-system-running", check=False).stdout.strip() in ("running", "degraded"),
                 "the machine has booted", 90)

    def leader(self):
        nspawn = self.nspawn
        if nspawn is None or nspawn.poll() is not None:
            raise RuntimeError("the machine is off; build/package/box/console.log says more")
        found = run("pgrep", "-P", nspawn.pid, check=False).stdout.split()
        return found[0] if found else "0"

    def sh(self, command, check=True, timeout=120, **how):
        return run("nsenter", "-t", self.leader(), "--all", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
                   "DEBIAN_FRONTEND=noninteractive", "sh", "-c", command, check=check, timeout=timeout, **how)

    def cut_power(self):
        """Nothing is told, and no process does anything any more."""
        if self.nspawn is None:
            return
        with contextlib.suppress(RuntimeError, ProcessLookupError, ValueError):
            leader = int(self.leader())
            if leader > 1:
                os.kill(leader, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            self.nspawn.kill()
        self.nspawn.wait(30)
        self.log.close()
        self.nspawn = None

    def lose_power(self):
        self.cut_power()
        self.lose_what_is_not_synced()

    def power_off(self):
        self.sh("systemctl poweroff", check=False)
        self.nspawn.wait(150)
        self.log.close()
        self.nspawn = None

    def end(self):
        self.cut_power()
        self.unmount()


def asked(machine, url, body=None, limit=60):
    data = "" if body is None else " -d '" + json.dumps(body) + "'"
    return machine.sh(f"curl -sS -m {limit} {url}{data}", check=False, timeout=limit + 10).stdout


def chat(machine, text="hello", limit=60):
    said = asked(machine, CHAT, {"model": "sim", "stream": False, "messages": [{"role": "user", "content": text}]}, limit)
    return json.loads(said) if said.startswith("{") else {"error": said}


def answered(machine, limit=60):
    return wait_for(lambda: "message" in chat(machine, limit=limit), "an answer", limit)


def status(machine):
    return json.loads(machine.sh("corral status --json").stdout)


def services_of(machine):
    """Those of the model that was imported first; a power cut may have left another beside it."""
    return next(model for model in status(machine)["models"] if model["name"] == "sim:latest")["services"]


def runtime_of(machine):
    return next(one for one in services_of(machine) if one["name"] == "runtime")


def main_pid(machine):
    return machine.sh("systemctl show -P MainPID corral").stdout.strip()


def higher(package, version):
    """The same package under a higher version: an upgrade as dpkg does it."""
    folder = BOX / "repacked"
    shutil.rmtree(folder, ignore_errors=True)
    run("dpkg-deb", "-R", package, folder)
    control = folder / "DEBIAN/control"
    lines = [f"Version: {version}" if line.startswith("Version:") else line for line in control.read_text().splitlines()]
    control.write_text("\n".join(lines) + "\n")
    out = BOX / f"{package.name.split('_')[0]}_{version}.deb"
    run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "-b", folder, out)
    return out


def files_of(machine):
    found = machine.sh("find / -xdev -not -path '/root/*' -not -path '/var/cache/*' -not -path '/var/lib/apt/*' "
                       "-not -path '/var/lib/dpkg/*' -not -path '/var/log/*' -not -path '/tmp/*' -not -path '/srv/*'")
    return set(found.stdout.splitlines())


class Streams:
    """Clients that ask one answer after another, each of which has to come whole."""

    def __init__(self, machine, count):
        self.whole = 0
        self.lost = []
        self.stopped = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.ask, args=(machine, n)) for n in range(count)]
        for one in self.threads:
            one.start()

    def ask(self, machine, number):
        body = json.dumps({"model": "sim", "messages": [{"role": "user", "content": f"client {number}"}]})
        while not self.stopped.is_set():
            said = machine.sh(f"curl -sSN -m 120 {CHAT} -d '{body}' 2>&1", check=False, timeout=150).stdout
            with self.lock:
                if '"done":true' in said:
                    self.whole += 1
                else:
                    self.lost.append(said[-300:])

    def end(self):
        self.stopped.set()
        for one in self.threads:
            one.join(180)
        return self.whole, self.lost
