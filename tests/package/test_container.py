# SPDX-License-Identifier: Apache-2.0
"""packaging/Containerfile, carried out step by step: no engine is needed, and none of the steps is left out."""
import http.server
import os
import shlex
import shutil
import socket
import subprocess
import threading

import pytest

from chroot import ROOT
from container import Image, build_first_stage, instructions, stages

FILE = ROOT / "packaging" / "Containerfile"
TEXT = FILE.read_text(encoding="utf-8")
# Of tools/install_dependencies, or of the system.
HADOLINT = shutil.which("hadolint", path=f"{ROOT}/build/tools/python/bin:{os.environ['PATH']}")


def value_of(word):
    return [rest for name, rest in stages(TEXT)[""] if name == word]


def test_the_image_is_unprivileged_and_has_no_shell():
    last = stages(TEXT)[""]
    assert last[0] == ("FROM", "scratch")
    user, group = map(int, value_of("USER")[0].split(":"))
    assert user > 0 and group > 0
    assert not [rest for word, rest in last if word == "RUN"]
    for word in ("ENTRYPOINT", "HEALTHCHECK"):
        assert "[" in value_of(word)[0], f"{word} in the form that needs no shell"


def test_every_instruction_is_known():
    known = {"FROM", "SHELL", "COPY", "RUN", "USER", "ENV", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT"}
    assert {word for word, _ in instructions(TEXT)} <= known
    assert value_of("STOPSIGNAL") == ["SIGTERM"]


@pytest.mark.skipif(not HADOLINT and not os.environ.get("CI"), reason="needs hadolint")
def test_hadolint_reports_nothing():
    assert HADOLINT
    ended = subprocess.run([HADOLINT, FILE], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (0, "")


@pytest.fixture(scope="module")
def image(debian, tmp_path_factory, program_package):
    found = stages(TEXT)
    build_first_stage(found["packages"], debian, program_package.parent)
    folder = tmp_path_factory.mktemp("image")
    folder.chmod(0o755)
    for part in ("proc", "dev"):
        (folder / part).mkdir()
    return Image(found[""], folder, {"packages": debian})


def test_the_image_has_nothing_but_the_program_and_its_libraries(image):
    files = {str(path.relative_to(image.folder)) for path in image.folder.rglob("*") if path.is_file()}
    programs = {path for path in files if "/bin/" in path or "/sbin/" in path}
    assert programs == {"usr/bin/onehop"}
    assert "usr/share/doc/onehop/onehop.spdx.json" in files
    assert len(files) < 40, files


@pytest.fixture
def backend():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"from the backend\n")

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for namespaces")
def test_the_image_serves_and_is_healthy_on_a_read_only_root(image, backend):
    port = free_port()
    health, entry = shlex.join(image.health), shlex.join(image.entrypoint)
    ended = image.run(f"""
        if (inside {health} >/dev/null 2>&1); then echo "healthy before the start"; fi
        (inside {entry}) &
        proxy=$!
        tries=0
        until (inside {health} >/dev/null 2>&1) || [ $((tries += 1)) -gt 100 ]; do sleep 0.1; done
        (inside {health} >/dev/null) && echo healthy
        curl --silent --show-error --fail http://127.0.0.1:{port}/
        kill "$proxy"
        wait "$proxy"
        echo "ended with $?"
        """, {"ONEHOP_LISTEN": f":{port}", "ONEHOP_BACKEND": backend, "ONEHOP_ACCESS_LOG": "off"})
    assert ended.stdout.splitlines() == ["healthy", "from the backend", "ended with 0"], ended.stderr
