"""Network namespaces, one for each box, at the end of a line that can be cut, rejected, slowed down or made lossy. All of it is in a
network of this process's own: nothing reaches the machine's."""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import multiprocessing
import random
import select
import socket
import struct
import subprocess
import time

ALL_FRAMES = 0x0003
OUTGOING = 4
SET_FLAG = 0x8946  # SIOCETHTOOL
# Receive and send checksums, scatter-gather, segmentation and its opposite: a relay wants frames as a wire has them.
OFFLOADS = (0x14, 0x16, 0x18, 0x1E, 0x24, 0x2C)


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


def works(*words):
    return subprocess.run([str(word) for word in words], capture_output=True).returncode == 0


def without_offloads(interface):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for command in OFFLOADS:
            value = ctypes.create_string_buffer(struct.pack("=II", command + 1, 0))
            request = struct.pack("16sP", interface.encode(), ctypes.addressof(value))
            try:
                fcntl.ioctl(any_socket, SET_FLAG, request)
            except OSError:
                pass  # a kernel without this one


def relay(line, wire, delay, loss, seed):
    """What a kernel's netem does at the box's end: frames from `line` come out of `wire` later, or never."""
    dice = random.Random(seed)
    ends = {}
    for name in (line, wire):
        end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_FRAMES))
        end.bind((name, 0))
        ends[name] = end
    late = []
    count = 0
    while True:
        left = max(0.0, late[0][0] - time.monotonic()) if late else None
        ready, _, _ = select.select(list(ends.values()), [], [], left)
        for end in ready:
            frame, address = end.recvfrom(65536)
            if address[2] == OUTGOING:
                continue
            if end is ends[wire]:
                ends[line].send(frame)
            elif dice.random() >= loss:
                count += 1
                heapq.heappush(late, (time.monotonic() + delay, count, frame))
        while late and late[0][0] <= time.monotonic():
            ends[wire].send(heapq.heappop(late)[2])


class Line:
    """A box's namespace and its address, 10.77.NUMBER.2; the edge is at .1."""

    def __init__(self, number):
        self.number, self.name = number, f"box{number}"
        self.ip = f"10.77.{number}.2"
        self.relay = None
        here, there, bridge = f"line{number}", f"end{number}", f"edge{number}"
        run("ip", "netns", "add", self.name)
        run("ip", "link", "add", here, "type", "veth", "peer", "name", there)
        run("ip", "link", "add", bridge, "type", "bridge", "forward_delay", 0)
        run("ip", "link", "set", bridge, "address", f"02:77:00:00:00:{number:02x}")
        for interface in (here, there, bridge):
            without_offloads(interface)
        run("ip", "link", "set", here, "master", bridge)
        run("ip", "address", "add", f"10.77.{number}.1/24", "dev", bridge)
        run("ip", "link", "set", there, "netns", self.name, "name", "eth0")
        for interface in (here, bridge):
            run("ip", "link", "set", interface, "up")
        self.inside("ip", "address", "add", f"{self.ip}/24", "dev", "eth0")
        for interface in ("lo", "eth0"):
            self.inside("ip", "link", "set", interface, "up")
        self.here, self.bridge = here, bridge

    def inside(self, *words):
        return run("ip", "netns", "exec", self.name, *words)

    def pids(self):
        return [int(word) for word in run("ip", "netns", "pids", self.name).split()]

    # -- faults; each until heal() --------------------------------------------------------------------------------------

    def rules(self, text):
        self.inside("nft", text)

    def drop(self):
        """As a cable that is pulled, or a machine without power."""
        self.rules("table inet cut { chain in { type filter hook input priority 0; iifname eth0 drop; }; "
                   "chain out { type filter hook output priority 0; oifname eth0 drop; }; }")

    def reject(self):
        """As a firewall that says no."""
        self.rules("table inet cut { chain in { type filter hook input priority 0; iifname eth0 meta l4proto tcp reject with tcp reset; }; }")

    def disturb(self, delay=0.0, loss=0.0):
        """Seconds, and a share of the frames, of what the box sends."""
        if has_netem():
            self.inside("tc", "qdisc", "add", "dev", "eth0", "root", "netem", "delay", f"{delay * 1000:.0f}ms", "loss", f"{loss * 100}%")
            return
        wire, other = f"wire{self.number}", f"wires{self.number}"
        run("ip", "link", "add", wire, "type", "veth", "peer", "name", other)
        for interface in (wire, other):
            without_offloads(interface)
            run("ip", "link", "set", interface, "up")
        self.relay = multiprocessing.get_context("fork").Process(target=relay, args=(self.here, wire, delay, loss, self.number), daemon=True)
        self.relay.start()
        run("ip", "link", "set", self.here, "nomaster")
        run("ip", "link", "set", other, "master", self.bridge)

    def heal(self):
        if works("ip", "netns", "exec", self.name, "nft", "list", "table", "inet", "cut"):
            self.rules("delete table inet cut")
        if self.relay:
            run("ip", "link", "set", f"wires{self.number}", "nomaster")
            run("ip", "link", "set", self.here, "master", self.bridge)
            self.relay.terminate()
            self.relay.join()
            self.relay = None
            run("ip", "link", "delete", f"wire{self.number}")
        elif has_netem():
            works("ip", "netns", "exec", self.name, "tc", "qdisc", "delete", "dev", "eth0", "root")


_netem = None


def has_netem():
    """Whether the kernel has it; without, a relay of our own does the same at the same place."""
    global _netem
    if _netem is None:
        _netem = works("tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "0ms")
        if _netem:
            run("tc", "qdisc", "delete", "dev", "lo", "root")
    return _netem
