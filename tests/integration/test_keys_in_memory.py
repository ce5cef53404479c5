# SPDX-License-Identifier: Apache-2.0
"""Private keys: not in core dumps, not in memory that other processes of the user can read, and no copy of their files."""
import os
import pwd
import re
import subprocess
import tempfile
from pathlib import Path

import pytest

from proxy_process import ENVIRONMENT_OF_OTHERS, PROGRAM, SANITIZED, Proxy, free_port
from tls_peers import RSA, Certificates
from upgrade_peers import PlayedChild, PlayedParent

NOBODY = pwd.getpwnam("nobody")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")


def owner_of_process(pid):
    """root if the process may leave no core dump (PR_SET_DUMPABLE in proc(5)), else its own user."""
    return os.stat(f"/proc/{pid}/environ").st_uid


class ProxyOfNobody(Proxy):
    def __init__(self, *args):
        self.address = ("127.0.0.1", free_port())
        self.output, self.messages = tempfile.TemporaryFile("w+"), tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([PROGRAM, "-l", "%s:%d" % self.address, *args], user=NOBODY.pw_uid,
                                        group=NOBODY.pw_gid, extra_groups=[], cwd="/", env=ENVIRONMENT_OF_OTHERS,
                                        stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.messages)
        self.wait_until_ready()


@as_root
@pytest.mark.parametrize("flags, owner", [([], 0), (["--core-dumps"], NOBODY.pw_uid)])
def test_core_dumps_are_disabled_unless_the_flag_allows_them(backend, flags, owner):
    proxy = ProxyOfNobody(*flags, backend.url)
    try:
        with proxy.client() as client:
            assert client.get().status == 200
        assert owner_of_process(proxy.pid) == owner
    finally:
        assert proxy.stop() == 0


@as_root
@pytest.mark.parametrize("flags, owner", [([], 0), (["--core-dumps"], NOBODY.pw_uid)])
def test_core_dumps_follow_the_flag_after_a_change_of_the_user(start_proxy, backend, flags, owner):
    assert owner_of_process(start_proxy("--user", "nobody", *flags, backend.url).pid) == owner


def memory_maps(pid):
    """(first address, last address, flags) of the memory that can be written."""
    text = Path(f"/proc/{pid}/smaps").read_text(encoding="ascii")
    for part in re.split(r"\n(?=[0-9a-f]+-[0-9a-f]+ )", text):
        first, last, rights = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", part).groups()
        if "w" in rights:
            yield int(first, 16), int(last, 16), re.search(r"VmFlags: (.*)", part)[1].split()


@pytest.fixture
def with_tls(start_proxy, backend, tmp_path):
    certificate, key = Certificates(tmp_path / "authority").sign("a.test", kind=RSA)
    proxy = start_proxy("--tls", certificate, "--tls-key", key, backend.url)
    return proxy, Path(key).read_text(encoding="ascii")


@pytest.mark.skipif(SANITIZED, reason="a sanitizer has maps of its own")
def test_ticket_keys_are_locked_and_excluded_from_core_dumps(with_tls):
    proxy, _ = with_tls
    assert [flags for _, _, flags in memory_maps(proxy.pid) if "lo" in flags and "dd" in flags]


@as_root
@pytest.mark.skipif(SANITIZED, reason="a sanitizer keeps memory that was freed")
def test_no_copy_of_a_key_file_stays_in_memory(with_tls):
    proxy, text = with_tls
    lines = [line.encode() for line in text.splitlines()[2:-2]]
    assert len(lines) > 10
    assert found_in_memory(proxy.pid, lines) == []


def found_in_memory(pid, secrets):
    """Those of the keys that are in memory that a core dump would contain."""
    found = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for first, last, flags in memory_maps(pid):
            if "dd" in flags:
                continue
            memory.seek(first)
            content = memory.read(last - first)
            found += [one for one in secrets if one in content]
    return found


def parts_of(keys):
    """Of the keys of tickets: the secret halves of each."""
    assert len(keys) > 0 and len(keys) % 80 == 0
    return [keys[at + half:at + half + 32] for at in range(0, len(keys), 80) for half in (16, 48)]


@as_root
@pytest.mark.skipif(SANITIZED, reason="a sanitizer keeps memory that was freed")
def test_an_upgrade_leaves_no_copy_of_ticket_keys(upgraded, tmp_path):
    """Neither process has a copy. The old one still has the keys themselves, in memory that no core dump contains."""
    certificate, key = Certificates(tmp_path / "authority").sign("a.test")
    proxy = upgraded(landlock="off", tls=[certificate], tls_key=[key],
                     listen=[f"127.0.0.1:{free_port()}", f"https://127.0.0.1:{free_port()}"])
    child = PlayedChild(proxy)
    child.say_hello()
    _, _, keys = child.take_handover().partition(b":")
    child.die()
    assert child.answer_of_command()[0] == 1
    assert found_in_memory(proxy.pid, parts_of(keys)) == []

    keys = os.urandom(160)
    parent = PlayedParent(tmp_path, {"backend": proxy.settings["backend"], "tls": [certificate], "tls-key": [key],
                                     "listen": [f"https://127.0.0.1:{free_port()}"]})
    try:
        parent.hand_over(keys=b"60:" + keys)
        parent.expect("ready")
        parent.send(go=True)
        parent.expect("serving")
        assert found_in_memory(parent.process.pid, parts_of(keys)) == []
    finally:
        parent.stop()
