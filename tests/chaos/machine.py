"""The machine around the program under test, as far as one process may change it: small disks of its own and a wall clock."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import pathlib
import struct
import subprocess

import harness

CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
CLOCK_LIBRARY = "libcorral_chaos_clock.so"
libc = ctypes.CDLL(None, use_errno=True)


def checked(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def own_mounts():
    """From here on this process and its children mount what nobody else sees, as root or in a user namespace. Why not, or "".
    Only before the first thread."""
    user, group = os.getuid(), os.getgid()
    try:
        if user == 0:
            checked(libc.unshare(CLONE_NEWNS), "unshare")
        else:
            checked(libc.unshare(CLONE_NEWNS | CLONE_NEWUSER), "unshare")
            pathlib.Path("/proc/self/setgroups").write_text("deny")
            pathlib.Path("/proc/self/uid_map").write_text(f"0 {user} 1")
            pathlib.Path("/proc/self/gid_map").write_text(f"0 {group} 1")
        checked(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "mount")
    except OSError as error:
        return f"this machine lets nobody mount a small disk here ({error})"
    return ""


class SmallDisk:
    """A file system of its own in memory, so small that it can be filled."""

    def __init__(self, folder, megabytes):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        checked(libc.mount(b"tmpfs", bytes(self.folder), b"tmpfs", 0, f"size={megabytes}m".encode()), "mount")

    def fill(self):
        """Not a byte more fits. What is deleted meanwhile is taken too when this is called again."""
        with open(self.folder / ".filler", "ab", buffering=0) as filler:
            block = 1 << 20
            while block:
                try:
                    while filler.write(bytes(block)):
                        pass
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                block //= 4

    def empty(self):
        with contextlib.suppress(FileNotFoundError):
            (self.folder / ".filler").unlink()

    def leave(self):
        """The disk goes; its files, which are in memory only, are kept where it was mounted."""
        self.empty()
        aside = self.folder.with_name(self.folder.name + ".kept")
        subprocess.run(["cp", "-a", self.folder, aside], check=True)
        libc.umount2(bytes(self.folder), 2)  # MNT_DETACH
        self.folder.rmdir()
        aside.rename(self.folder)


class WallClock:
    """The wall clock of programs that are started with `environment`: off by the seconds of the last set()."""

    def __init__(self, file):
        self.file = pathlib.Path(file)
        self.file.write_bytes(bytes(8))
        self.library = (harness.BIN / CLOCK_LIBRARY).resolve()
        self.missing = "" if self.library.exists() else f"there is no {self.library}"
        self.environment = {} if self.missing else {"LD_PRELOAD": str(self.library), "CORRAL_CHAOS_CLOCK": str(self.file)}

    def set(self, seconds):
        with open(self.file, "r+b") as file:
            file.write(struct.pack("=q", seconds))
