# SPDX-License-Identifier: Apache-2.0
"""--user: the listeners are opened as root, and another user serves."""
import os
import pwd
import shutil
import subprocess

import pytest

from process_files import of_threads
from proxy_process import ENVIRONMENT_OF_OTHERS, PROGRAM, free_port, free_privileged_port, open_to_all, run_onehop
from tls_peers import Certificates, TlsClient, trusting
from wire import PATIENCE, get

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
NOBODY = pwd.getpwnam("nobody")


def identities(proxy):
    """For every thread: the user and group ids (real, effective, saved, file system), groups, capabilities."""
    seen = set()
    for status in of_threads(proxy.pid, "status").values():
        fields = dict(line.split(":", 1) for line in status.splitlines())
        seen.add(tuple(" ".join(fields[name].split())
                       for name in ("Uid", "Gid", "Groups", "CapPrm", "CapEff", "NoNewPrivs")))
    return seen


@as_root
@pytest.mark.parametrize("user, uid, gid", [
    ("nobody", NOBODY.pw_uid, NOBODY.pw_gid), ("nobody:daemon", NOBODY.pw_uid, 1), ("54321:54322", 54321, 54322),
])
def test_every_thread_runs_as_the_user_without_capabilities(start_proxy, start_backend, user, uid, gid):
    proxy = start_proxy("--user", user, "--workers", 3, start_backend().url)
    with proxy.client() as client:
        assert client.get().status == 200
    nothing = "0" * 16
    assert identities(proxy) == {(" ".join([str(uid)] * 4), " ".join([str(gid)] * 4), str(gid), nothing, nothing, "1")}
    assert " 200 " in proxy.wait_for_log_lines(1)[0]


@as_root
def test_a_privileged_port_is_bound_before_the_change(start_proxy, start_backend):
    proxy = start_proxy("--user", "nobody", start_backend().url, listen=("127.0.0.1", free_privileged_port()))
    with proxy.client() as client:
        assert client.get().status == 200


@as_root
def test_files_of_the_admin_pages_are_opened_before_the_change(start_proxy, start_backend, tmp_path):
    authority = Certificates(tmp_path / "authority")
    chain, key = authority.sign("localhost")
    token = tmp_path / "token"
    token.write_text("secret", encoding="ascii")
    for path in (key, token):
        os.chmod(path, 0o600)
    port = free_privileged_port()
    proxy = start_proxy("--user", "nobody", "--admin", f"https://127.0.0.1:{port}", "--admin-token", token, "--tls", chain,
                        "--tls-key", key, "--admin-socket", tmp_path / "socket", start_backend().url)
    with TlsClient(("127.0.0.1", port), trusting(authority)) as client:
        assert client.ask(get("/readyz", host="localhost")).status == 401  # and closes the connection
    with TlsClient(("127.0.0.1", port), trusting(authority)) as client:
        assert client.ask(get("/readyz", "Authorization: Bearer secret", host="localhost")).status == 200
    assert {identity[0] for identity in identities(proxy)} == {" ".join([str(NOBODY.pw_uid)] * 4)}


def test_no_client_is_accepted_if_the_admin_pages_cannot_start(tmp_path):
    ended = run_onehop("-l", f"127.0.0.1:{free_port()}", "--admin", "127.0.0.1:0", "--admin-token", tmp_path / "none",
                       "http://127.0.0.1:1")
    assert ended.returncode == 2
    assert str(tmp_path / "none") in ended.stderr and "listening on" not in ended.stderr


@as_root
def test_the_key_is_read_as_root_and_read_again_as_the_user(start_proxy, start_backend, tmp_path):
    folder = tmp_path / "own"
    own = Certificates(folder)
    chain, key = own.sign("localhost")
    proxy = start_proxy("--user", "nobody", "-v", "--tls", chain, "--tls-key", key, start_backend().url)
    with TlsClient(proxy.address, trusting(own)) as client:
        assert client.get().status == 200
    os.chmod(key, 0o600)
    os.utime(key, (1, 1))
    proxy.wait_for_message("old ones stay")
    with TlsClient(proxy.address, trusting(own)) as client:
        assert client.get().status == 200
    open_to_all(folder)
    shutil.chown(key, "nobody")
    os.utime(key, (2, 2))
    proxy.wait_for_message("the TLS files have changed")


@pytest.mark.parametrize("user, words", [
    ("nobody-of-that-name", "unknown user 'nobody-of-that-name'"),
    ("nobody:no-such-group", "unknown group 'no-such-group'"),
    ("54321", "54321:GROUP"), ("root", "root, which has no privileges to drop"), ("0:0", "no privileges to drop"),
    ("", "unknown user ''"),
])
def test_an_invalid_user_is_a_startup_error(user, words):
    ended = run_onehop("--user", user, "http://127.0.0.1:1")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert words in ended.stderr and "--user" in ended.stderr


@as_root
def test_changing_the_user_requires_root():
    program = shutil.copy(PROGRAM, "/tmp/onehop-of-nobody-%d" % os.getpid())
    try:
        os.chmod(program, 0o755)
        ended = subprocess.run([program, "-l", f"127.0.0.1:{free_port()}", "--user", "daemon", "http://127.0.0.1:1"],
                               capture_output=True, text=True, timeout=2 * PATIENCE, check=False, cwd="/",
                               user=NOBODY.pw_uid, group=NOBODY.pw_gid, extra_groups=[], env=ENVIRONMENT_OF_OTHERS)
    finally:
        os.unlink(program)
    assert ended.returncode == 2
    assert "cannot change to 'daemon': Operation not permitted; --user requires a start as root" in ended.stderr


@as_root
def test_the_demo_drops_root_too(start_proxy):
    proxy = start_proxy("demo", "--user", "nobody")
    with proxy.client() as client:
        assert client.get().status == 200
    assert {identity[0] for identity in identities(proxy)} == {" ".join([str(NOBODY.pw_uid)] * 4)}


def start_as_nobody(backend, groups):
    return subprocess.run([PROGRAM, "-l", "127.0.0.1:0", "--user", "nobody", "--admin-socket", "off", backend.url],
                          user=NOBODY.pw_uid, group=NOBODY.pw_gid, extra_groups=groups, cwd="/", timeout=PATIENCE,
                          env=ENVIRONMENT_OF_OTHERS, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


@as_root
def test_the_same_user_with_another_group_is_refused(backend):
    ended = start_as_nobody(backend, [0])
    assert ended.returncode != 0 and "cannot change to 'nobody'" in ended.stderr


@as_root
@pytest.mark.parametrize("groups", [[], [NOBODY.pw_gid]])
def test_a_start_as_the_same_user_succeeds(backend, groups):
    with pytest.raises(subprocess.TimeoutExpired):  # it serves
        start_as_nobody(backend, groups)
