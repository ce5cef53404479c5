# SPDX-License-Identifier: Apache-2.0
"""The first hour of a new user: `make run` with a file, three mistakes in it, check, reload, and a look at the
dashboard."""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from admin import admin_address
from configured_proxy import ConfiguredProxy, write
from proxy_process import PROGRAM, ROOT, run_onehop
from raw_client import Client
from wire import PATIENCE, answer, get

MISTAKES = [
    ('lsten = [":8080"]\n', r"onehop.toml:\d+:1: .*lsten.*did you mean .?listen"),
    ('max-body = "10 apples"\n', r"onehop.toml:\d+:\d+: .*max-body"),
    ('header-down = ["X-New: yes"\n', r"onehop.toml:\d+:\d+: "),
]


class MadeProxy(ConfiguredProxy):
    """`make run CONFIG=FILE`, in a folder where everything is installed and built already."""

    def start(self):
        folder = self.file.parent
        shutil.copy(ROOT / "Makefile", folder)
        for step in ("tools/install_dependencies", "tools/announce_build", "bin/cmake"):
            (folder / step).parent.mkdir(exist_ok=True)
            (folder / step).symlink_to("/bin/true")
        (folder / "build" / "release").mkdir(parents=True)
        (folder / "build" / "release" / "onehop").symlink_to(PROGRAM)
        self.output = tempfile.TemporaryFile("w+")
        self.messages = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(["make", "-s", "run", f"CONFIG={self.file}"], cwd=folder,
                                        stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.messages,
                                        env={**self.environment, "PATH": f"{folder}/bin:{os.environ['PATH']}"})

    def signal(self, number):
        """Signals onehop, which is the only child of make by then."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        os.kill(int(children), number)


def page(address, path):
    with Client(address) as client:
        response = client.ask(get(path, host="127.0.0.1"))
        assert response.status == 200, path
        return response.body.decode("utf-8")


def wait_for_state(address, has_failed, message):
    """The overview is made once a second."""
    deadline = time.monotonic() + PATIENCE
    while True:
        state = json.loads(page(address, "/status"))["state"]
        if (state["reload_failed"], state["reload_message"]) == (has_failed, message):
            return state
        assert time.monotonic() < deadline, state
        time.sleep(0.05)


def test_a_new_user_breaks_and_fixes_the_file(tmp_path, start_backend):
    backend = start_backend()
    backend.answers(answer(b"hello"))
    proxy = MadeProxy(tmp_path, {"backend": backend.url, "admin": "127.0.0.1:0"})
    admin = admin_address(proxy)
    good = proxy.file.read_text(encoding="utf-8")
    assert len(good.splitlines()) <= 5

    def is_served():
        with proxy.client() as client:
            return client.get().body == b"hello"

    assert is_served()
    for mistake, pattern in MISTAKES:
        write(proxy.file, good + mistake)
        checked = run_onehop("check", "--config", proxy.file)
        assert checked.returncode == 2, checked
        assert re.search(pattern, checked.stdout + checked.stderr, re.DOTALL), checked.stdout + checked.stderr
        assert " error HUP: not reloaded, and nothing has changed: " in proxy.hup()
        assert re.search(pattern, proxy.stderr(), re.DOTALL), "the log has the same message"
        assert is_served(), "the old settings go on"
        wait_for_state(admin, True, "not reloaded, and nothing has changed: 1 error in the settings")

    write(proxy.file, good + 'header-down = ["X-New: yes"]\n')
    checked = run_onehop("check", "--config", proxy.file)
    assert checked.returncode == 0, checked
    assert " info HUP: reloaded; changed: header-down" in proxy.hup()
    with proxy.client() as client:
        assert client.get().fields.get("X-New") == "yes"
    state = wait_for_state(admin, False, "reloaded; changed: header-down")
    assert str(proxy.file) in state["configuration"]
    assert "reloaded; changed: header-down" in page(admin, "/"), "the dashboard, for a terminal"
    metrics = page(admin, "/metrics")
    assert 'onehop_config_reloads_total{result="failed"} 3' in metrics
    assert 'onehop_config_reloads_total{result="ok"} 1' in metrics
    proxy.signal(signal.SIGTERM)
    assert proxy.wait() == 0
