"""A file whose disk answers nobody before it is told to, as tests/process/held_program.hpp."""

import ctypes
import fcntl
import os
import signal

FAN_CLOEXEC, FAN_NONBLOCK, FAN_CLASS_CONTENT = 0x1, 0x2, 0x4
FAN_MARK_ADD, FAN_OPEN_PERM = 0x1, 0x10000


class HeldFile:
    """Until it is let go; what holds it goes with this process."""

    def __init__(self):
        self.fd = -1

    def let_go(self):
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.let_go()


class HeldExec(HeldFile):
    """Whoever executes it waits, by a lease; a look at it without waiting is possible."""

    def __init__(self, path):
        super().__init__()
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.fcntl(self.fd, fcntl.F_SETSIG, signal.SIGWINCH)  # the usual one would end us
        fcntl.fcntl(self.fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)


class HeldOpen(HeldFile):
    """Whoever opens it waits, whatever it says; for root."""

    def __init__(self, path):
        super().__init__()
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, os.O_RDONLY | os.O_CLOEXEC)
        mask, here = ctypes.c_uint64(FAN_OPEN_PERM), -100
        if self.fd < 0 or libc.fanotify_mark(self.fd, FAN_MARK_ADD, mask, here, os.fsencode(path)) != 0:
            number = ctypes.get_errno()
            self.let_go()
            raise OSError(number, os.strerror(number))
