# SPDX-License-Identifier: Apache-2.0
"""One thread of a child that does not go on, as with a handler that never returns."""
import ctypes
import os

import pytest

from process_files import of_threads

SEIZE, INTERRUPT, DETACH, ALL_CHILDREN = 0x4206, 0x4207, 17, 0x40000000


class StoppedThread:
    """Stops a worker of a proxy by ptrace(2), as a debugger does, while the context lasts."""

    def __init__(self, proxy, worker):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        self.thread = thread_named(proxy.pid, f"onehop/{worker}")

    def ptrace(self, request):
        if self.libc.ptrace(request, self.thread, None, None) != 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))

    def __enter__(self):
        try:
            self.ptrace(SEIZE)
        except PermissionError as error:
            pytest.skip(f"ptrace(2) is not allowed here: {error}")
        self.ptrace(INTERRUPT)
        os.waitpid(self.thread, ALL_CHILDREN)

    def __exit__(self, *_):
        self.ptrace(DETACH)


def thread_named(pid, name):
    """The last one of that name: admin listeners have workers as well, which start before those of the service."""
    found = [number for number, comm in of_threads(pid, "comm").items() if comm.strip() == name]
    assert found, f"no thread {name}"
    return max(found)
