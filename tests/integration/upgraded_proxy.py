# SPDX-License-Identifier: Apache-2.0
"""A proxy with its own copy of the program, which a test can replace while it runs."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

from configured_proxy import toml, write
from process_files import is_alive
from proxy_process import PROGRAM, SANITIZED, Proxy, free_port
from wire import PATIENCE


class UpgradedProxy(Proxy):
    """`settings` is the file, `program` one that is there already. The process that was started is `process`; `pid` is
    the one that serves."""

    def __init__(self, folder, settings, environment=(), prefix=(), program=None):
        self.folder = folder
        self.program = program or folder / "onehop"
        if program is None:
            self.install()
        self.socket = folder / "admin.sock"
        self.file = folder / "onehop.toml"
        # A sanitizer of the new process reads its suppressions, a file that the settings do not name.
        self.settings = {"listen": [f"127.0.0.1:{free_port()}"], "admin-socket": str(self.socket),
                         "landlock": "off" if SANITIZED else "auto", **settings}
        self.configure()
        self.output = tempfile.TemporaryFile("w+")
        self.messages = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([*prefix, self.program, "--config", self.file], stdin=subprocess.DEVNULL,
                                        stdout=self.output, stderr=self.messages,
                                        env={**os.environ, **dict(environment)})
        first = self.settings["listen"][0]
        self.address = ("127.0.0.1", int(first.rsplit(":", 1)[1]))
        self.wait_until_ready()
        self.pids = [self.status()["state"]["pid"]]

    def configure(self, **settings):
        self.settings.update({name.replace("_", "-"): value for name, value in settings.items()})
        write(self.file, toml(self.settings))

    def install(self, script=None):
        """Replaces the program as a package does: by the one under test again, or by a shell script."""
        new = self.folder / ".onehop.new"
        if script is None:
            shutil.copy2(PROGRAM, new)
        else:
            new.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        new.chmod(0o755)
        os.replace(new, self.program)

    @property
    def pid(self):
        return self.pids[-1]

    def command(self, *words, patience=6 * PATIENCE):
        return subprocess.run([PROGRAM, *words, "--admin-socket", self.socket], capture_output=True, text=True,
                              timeout=patience, stdin=subprocess.DEVNULL, check=False)

    def status(self):
        """The status of the process that serves; while two processes have the socket, either may respond."""
        deadline = time.monotonic() + 2 * PATIENCE
        while True:
            answer = self.command("status", "--json")
            if answer.returncode == 0:
                return json.loads(answer.stdout)
            assert time.monotonic() < deadline, answer.stderr + self.stderr()
            time.sleep(0.01)

    def upgrade(self):
        """Returns the id of the new process."""
        answer = self.command("upgrade")
        assert answer.returncode == 0, answer.stderr + answer.stdout + self.stderr()
        self.wait_for_successor()
        return self.pid

    def wait_for_successor(self):
        deadline = time.monotonic() + 4 * PATIENCE
        while (pid := self.status()["state"]["pid"]) in self.pids:
            assert time.monotonic() < deadline, self.stderr()
            time.sleep(0.02)
        self.pids.append(pid)

    def fail_to_upgrade(self):
        """Returns what the command prints. The process that serves goes on."""
        answer = self.command("upgrade")
        assert answer.returncode == 1, answer.stdout
        assert "not upgraded, and nothing has changed: " in answer.stderr, answer.stderr
        assert self.status()["state"]["pid"] == self.pid
        with self.client() as client:
            assert client.get().status == 200
        return answer.stderr + answer.stdout

    def wait_for_end(self, pid, patience=2 * PATIENCE):
        deadline = time.monotonic() + patience
        while is_alive(pid):
            assert time.monotonic() < deadline, f"process {pid} does not end: {self.stderr()}"
            time.sleep(0.01)

    def wait_for_drains(self, left, patience=6 * PATIENCE):
        """Waits until no more than so many earlier processes are left."""
        deadline = time.monotonic() + patience
        while len(drain := [pid for pid in self.pids[:-1] if is_alive(pid)]) > left:
            assert time.monotonic() < deadline, f"processes {drain} do not end: {self.stderr()}"
            time.sleep(0.01)

    def stop(self):
        """Ends every process that is left, and returns the exit code of the first."""
        for pid in self.pids[1:]:
            if is_alive(pid):
                os.kill(pid, signal.SIGTERM)
        code = super_stop(self.process)
        for pid in self.pids[1:]:
            try:
                self.wait_for_end(pid, PATIENCE)
            except AssertionError:
                os.kill(pid, signal.SIGKILL)
                raise
        return code


def super_stop(process):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(2 * PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return process.returncode
