# SPDX-License-Identifier: Apache-2.0
"""A proxy that is configured by a file, and changed by it while it runs."""
import json
import os
import signal
import subprocess
import tempfile
import time

from proxy_process import PROGRAM, Proxy, free_port
from wire import PATIENCE

WATCH = " --watch-config: "
REPORT = ("reloaded; ", "not reloaded, ", "no reload: ")  # each line about a reload contains one of them


def keys(settings):
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items() if value is not None)


def toml(settings):
    """The text of a file; a value is a text, a number, a switch, a list of texts, or None for none. The tables are
    `upstream`, a dict of names, and `route`, a list."""
    top = dict(settings)
    tables = [(f"[upstream.{name}]", table) for name, table in top.pop("upstream", {}).items()]
    tables += [("[[route]]", table) for table in top.pop("route", [])]
    return keys(top) + "".join(f"\n{header}\n{keys(table)}" for header, table in tables)


def write(path, text):
    """Replaces a file as editors do."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)


class ConfiguredProxy(Proxy):
    """`settings` is the file; `listen` is chosen if it is not among them. Clients connect to the first listener."""

    def __init__(self, folder, settings, *flags, environment=()):
        self.file = folder / "onehop.toml"
        self.settings = {"listen": [f"127.0.0.1:{free_port()}"], **settings}
        write(self.file, toml(self.settings))
        self.flags, self.environment = flags, {**os.environ, **dict(environment)}
        self.start()
        self.address = ("127.0.0.1", int(self.settings["listen"][0].rsplit(":", 1)[1]))
        self.wait_until_ready()

    def start(self):
        self.output = tempfile.TemporaryFile("w+")
        self.messages = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([PROGRAM, "--config", self.file, *map(str, self.flags)],
                                        stdin=subprocess.DEVNULL, stdout=self.output,
                                        stderr=self.messages, env=self.environment)

    def reports(self, but=None):
        """The log lines about reloads, without those with the words `but`."""
        return [line for line in self.stderr().splitlines()
                if any(words in line for words in REPORT) and not (but and but in line)]

    def change(self, **settings):
        """Changes the file; a setting that is None is removed. `max_body` is max-body."""
        for name, value in settings.items():
            self.settings[name.replace("_", "-")] = value
        self.settings = {name: value for name, value in self.settings.items() if value is not None}
        write(self.file, toml(self.settings))

    def hup(self):
        """Sends HUP and returns the line that reports the reload. The watch may be about to report one of its own."""
        before = len(self.reports(but=WATCH))
        self.signal(signal.SIGHUP)
        return self.wait_for_report(before, but=WATCH)

    def wait_for_report(self, before, but=None):
        deadline = time.monotonic() + 3 * PATIENCE
        while len(reports := self.reports(but)) <= before:
            assert time.monotonic() < deadline, f"no report of a reload: {self.stderr()}"
            assert self.process.poll() is None, f"onehop died: {self.stderr()}"
            time.sleep(0.005)
        return reports[before]

    def reload(self, **settings):
        """Changes the file and reloads it, which must succeed."""
        self.change(**settings)
        line = self.hup()
        assert " info HUP: reloaded; " in line, self.stderr()
        return line

    def fail_to_reload(self, **settings):
        """Changes the file and reloads it, which must fail. Returns the log lines since then; the file is as before."""
        kept, seen = dict(self.settings), len(self.stderr())
        self.change(**settings)
        line = self.hup()
        assert " error HUP: not reloaded, and nothing has changed: " in line, self.stderr()
        self.settings = kept
        write(self.file, toml(kept))
        return self.stderr()[seen:]
