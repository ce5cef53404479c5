# SPDX-License-Identifier: Apache-2.0
"""The files in /proc of a process and of its threads, any of which may end at every moment."""
from pathlib import Path

ENDED = (FileNotFoundError, ProcessLookupError)  # the latter, where it ends between open(2) and read(2)


def is_alive(pid):
    try:
        return state_in(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")) != "Z"
    except ENDED:
        return False


def state_in(stat):
    """The letter of the state. The name before it may have any characters."""
    return stat.rpartition(")")[2].split()[0]


def of_threads(pid, file):
    """The file of that name of each thread, by the thread's number."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found[int(task.name)] = (task / file).read_text(encoding="utf-8")
        except ENDED:
            pass
    return found
