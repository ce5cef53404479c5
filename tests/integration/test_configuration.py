# SPDX-License-Identifier: Apache-2.0
"""The configuration file, and `onehop check`, as an operator meets them."""
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

try:
    import jsonschema
except ImportError:
    jsonschema = None

from proxy_process import IN_CI, PROGRAM, ROOT, free_port, run_onehop
from tls_peers import RSA, Certificates
from wire import PATIENCE


def checked(*args, code=0, **kwargs):
    """The standard output of `onehop check`."""
    ended = run_onehop("check", *args, **kwargs)
    assert ended.returncode == code, ended
    return ended.stdout


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder in which the program runs, so that messages name files without one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def certificates(folder):
    return Certificates(folder)


# --- the first file --------------------------------------------------------------------------------


def test_a_file_of_five_lines_serves_and_check_helps_to_fix_it(folder, start_backend, start_proxy):
    backend = start_backend()
    port = free_port()
    good = (f'backend = "{backend.url}"\n'
            f'listen  = ["127.0.0.1:{port}"]\n'
            'header-up = "X-From: file"\n'
            'access-log = "json"\n'
            'idle-timeout = "20s"\n')
    file = folder / "onehop.toml"
    file.write_text(good, encoding="utf-8")
    assert checked("--config", "onehop.toml") == "the configuration is good\n"
    with start_proxy("--config", "onehop.toml", configured=("127.0.0.1", port)).client() as client:
        assert client.get().status == 200
    assert b"\r\nX-From: file\r\n" in backend.received

    # An unknown key.
    file.write_text(good.replace("idle-timeout", "idel-timeout"), encoding="utf-8")
    assert checked("--config", "onehop.toml", code=2) == (
        "onehop.toml:5:1: error: unknown setting 'idel-timeout'\n"
        '  5 | idel-timeout = "20s"\n'
        "    | ^^^^^^^^^^^^ did you mean idle-timeout?\n"
        "1 error\n")
    # A value without quotes, and one without a unit.
    file.write_text(good.replace('"20s"', "20s").replace('"json"', "7"), encoding="utf-8")
    assert checked("--config", "onehop.toml", code=2) == (
        "onehop.toml:4:14: error: access-log: '7' is not one of text, json and off\n"
        "  4 | access-log = 7\n"
        "    |              ^\n"
        "onehop.toml:5:16: error: texts need quotes\n"
        "  5 | idle-timeout = 20s\n"
        '    |                ^^^ write idle-timeout = "20s"\n'
        "2 errors\n")
    # Settings that do not fit together.
    file.write_text(good + 'tls-key = "key.pem"\n', encoding="utf-8")
    assert checked("--config", "onehop.toml", code=2) == (
        "onehop.toml:6:1: error: tls-key needs tls CERT, the certificate of the key\n"
        '  6 | tls-key = "key.pem"\n'
        "    | ^^^^^^^\n"
        "1 error\n")
    # The program does not start with it, and says the same.
    ended = run_onehop("--config", "onehop.toml")
    assert ended.returncode == 2 and ended.stdout == ""
    assert ended.stderr.startswith("onehop.toml:6:1: error: tls-key needs tls CERT")

    file.write_text(good, encoding="utf-8")
    assert checked("--config", "onehop.toml") == "the configuration is good\n"


def test_flags_override_variables_which_override_files(folder, monkeypatch):
    (folder / "conf.d").mkdir()
    (folder / "conf.d" / "20-more.toml").write_text('workers = 2\nidle-timeout = "2s"\nhold = "2s"\n', encoding="utf-8")
    (folder / "conf.d" / "10-first.toml").write_text('backend = "http://a.test"\n', encoding="utf-8")
    (folder / "conf.d" / ".20-more.toml.swp.toml").write_text("nonsense", encoding="utf-8")
    (folder / "conf.d" / "notes.txt").write_text("nonsense", encoding="utf-8")
    monkeypatch.setenv("ONEHOP_CONFIG", "conf.d")
    monkeypatch.setenv("ONEHOP_IDLE_TIMEOUT", "3s")
    monkeypatch.setenv("ONEHOP_HOLD", "3s")
    printed = checked("--print", "--hold", "4s").splitlines()
    assert 'backend = "http://a.test"  # conf.d/10-first.toml:1' in printed
    assert "workers = 2  # conf.d/20-more.toml:1" in printed
    assert 'idle-timeout = "3s"  # ONEHOP_IDLE_TIMEOUT' in printed
    assert 'hold = "4s"  # --hold' in printed
    assert '#body-timeout = "1m"  # default' in printed

    (folder / "conf.d" / "30-again.toml").write_text("\nworkers = 3\n", encoding="utf-8")
    assert checked(code=2) == (
        "conf.d/30-again.toml:2:1: error: 'workers' is set twice\n"
        "  2 | workers = 3\n"
        "    | ^^^^^^^ it is set in conf.d/20-more.toml:1 as well\n"
        "1 error\n")


def test_files_that_cannot_be_read_are_named(folder):
    (folder / "empty").mkdir()
    (folder / "large.toml").write_text("#" * (1024 * 1024 + 1), encoding="utf-8")
    lines = checked("--config", "none.toml", "--config", "large.toml", "--config", "empty", "8000", code=2).splitlines()
    assert lines[0] == "--config: error: none.toml: No such file or directory"
    assert re.match(r"--config: error: large.toml: .*1 ?MiB", lines[1])
    assert lines[2] == "--config: warning: empty: this directory has no file *.toml"
    assert lines[3] == "2 errors, 1 warning"


def test_a_file_may_be_a_pipe(folder):
    script = f"""{PROGRAM} check --config <(echo 'backend = "http://a.test"') --print | head -2"""
    ended = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert re.search(r'backend = "http://a.test"  # /dev/fd/\d+:1', ended.stdout)


# --- certificates and users ------------------------------------------------------------------------


def test_check_reads_certificates_and_keys(folder, certificates):
    good = certificates.sign("good.test", days=30)
    soon = certificates.sign("soon.test")
    old = certificates.expired("old.test")
    file = folder / "onehop.toml"

    def check_pairs(*pairs, code):
        names = [[Path(one).name for one in pair] for pair in pairs]
        lines = [f"  {json.dumps(chain)}," for chain, _ in names]
        keys = json.dumps([key for _, key in names])
        file.write_text("\n".join(['backend = "http://a.test"', "tls = [", *lines, "]", f"tls-key = {keys}", ""]),
                        encoding="utf-8")
        return checked("--config", "onehop.toml", code=code)

    assert check_pairs(good, code=0) == "the configuration is good\n"
    printed = check_pairs(good, soon, old, code=0)
    assert "onehop.toml:4:3: warning: tls: soon.test.pem: the certificate expires in 1 day\n" in printed
    assert re.search(r"onehop.toml:5:3: warning: tls: old.test.pem: the certificate expired at [^;]+; "
                     r"clients will refuse it\n"
                     r'  5 \|   "old\.test\.pem",\n    \|   \^{14}\n', printed)
    assert printed.endswith("2 warnings; the configuration can be used\n")
    # One of the same names is only of use with another kind of key.
    again, rsa, more = (certificates.sign("again.test", "GOOD.test", days=30),
                        certificates.sign("rsa.test", "good.test", kind=RSA, days=30),
                        certificates.sign("more.test", "good.test", "more.test", days=30))
    printed = check_pairs(good, more, again, rsa, code=0)
    assert re.search(r"^onehop.toml:5:3: warning: tls: again.test.pem: never used: ", printed)
    assert printed.endswith("\n1 warning; the configuration can be used\n")
    # Two keys are exchanged: both pairs are named.
    printed = check_pairs((good[0], soon[1]), (soon[0], good[1]), code=2)
    assert len(re.findall(r"^onehop.toml:[34]:3: error: tls: .*\.test\.(pem|key)", printed, re.MULTILINE)) == 2
    assert printed.endswith("2 errors\n")

    (folder / "no-ca.pem").write_text("nothing\n", encoding="utf-8")
    printed = checked("--tls", good[0], "--tls-key", good[1], "--tls-client-ca", "no-ca.pem", "--backend-ca",
                      "no-ca.pem", "https://a.test", code=2)
    assert re.search(r"^--tls-client-ca: error: no-ca.pem: ", printed, re.MULTILINE)
    assert re.search(r"^--backend-ca: error: no-ca.pem: ", printed, re.MULTILINE)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_check_warns_of_a_key_that_the_user_cannot_read(folder, certificates):
    chain, key = certificates.sign("a.test", days=30)
    os.chmod(key, 0o600)
    for path in [folder, *folder.parents]:
        if path.stat().st_uid == os.geteuid():
            path.chmod(path.stat().st_mode | stat.S_IXOTH | stat.S_IROTH)
    printed = checked("--tls", chain, "--tls-key", key, "--user", "nobody", "8000")
    assert printed == (f"--tls-key: warning: {key}: user 'nobody' cannot read it, so a reload would fail\n"
                       "1 warning; the configuration can be used\n")
    os.chmod(key, 0o644)
    assert checked("--tls", chain, "--tls-key", key, "--user", "nobody", "8000") == "the configuration is good\n"


# --- files that a start makes -----------------------------------------------------------------------


@pytest.mark.parametrize("flags, words", [
    (["--access-log-to", "none/a.log"], "--access-log-to: error: none/a.log: the directory none does not exist"),
    (["--access-log-to", "./folder"], "--access-log-to: error: ./folder: is a directory"),
    (["--access-log-to", "./file/access.log"], "./file is not a directory"),
    (["--access-log-to", "syslog:/nowhere/log"], "--access-log-to: error: the access log cannot be opened"),
    (["--admin-socket", "none/socket"], "--admin-socket: error: none/socket: the directory none does not exist"),
    (["--admin-socket", "file"], "--admin-socket: error: file: is not a socket"),
    (["-l", ":81", "-l", "unix:none/socket"], "--listen: error: none/socket: the directory none does not exist"),
    (["-l", "127.0.0.1:9000", "--admin", "127.0.0.1:9000"], "--admin and --listen need addresses of their own"),
    (["-l", "unix:socket", "--admin-socket", "./socket"], "--admin-socket and --listen need addresses of their own"),
])
def test_check_reports_paths_and_addresses_that_cannot_be_opened(folder, flags, words):
    (folder / "folder").mkdir()
    (folder / "file").write_text("precious", encoding="ascii")
    assert words in checked(*flags, "8000", code=2)
    ended = run_onehop(*(flags if "-l" in flags else ["-l", f"127.0.0.1:{free_port()}", *flags]), "8000")
    assert ended.returncode != 0, "a start says so, too"


def test_check_accepts_files_that_a_start_can_open(folder):
    (folder / "old.log").write_text("", encoding="ascii")
    for log in ("./new.log", "./old.log"):
        assert checked("--access-log-to", log, "--admin-socket", "socket", "-l", "unix:a", "8000") == (
            "the configuration is good\n")
    assert not (folder / "new.log").exists()


def test_check_warns_that_credentials_are_not_checked(folder, start_backend, start_proxy, monkeypatch, certificates):
    """Credentials exist only for the process of the unit."""
    (folder / "credentials").mkdir()
    chain, key = certificates.sign("localhost", days=30)
    shutil.copy(key, folder / "credentials" / "key.pem")
    port = free_port()
    (folder / "onehop.toml").write_text(
        f'backend = "{start_backend().url}"\nlisten = ["https://127.0.0.1:{port}"]\nadmin-socket = "admin.sock"\n'
        f'tls = "{chain}"\ntls-key = "credential:key.pem"\n', encoding="utf-8")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder / "credentials"))
    start_proxy("--config", "onehop.toml", configured=("127.0.0.1", port))
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    assert checked("--config", "onehop.toml") == (
        "onehop.toml:5:11: warning: tls-key: credential:key.pem is not checked: only the service has it\n"
        '  5 | tls-key = "credential:key.pem"\n'
        "    |           ^^^^^^^^^^^^^^^^^^^^\n"
        "1 warning; the configuration can be used\n")
    assert 'tls-key = ["credential:key.pem"]  # onehop.toml:5\n' in checked("--print", "--config", "onehop.toml")
    assert checked("--diff", "--config", "onehop.toml") == "a reload would change no setting\n"
    ended = run_onehop("--config", "onehop.toml")
    assert ended.returncode == 2
    assert "tls-key: CREDENTIALS_DIRECTORY is not set; add LoadCredential=key.pem:FILE" in ended.stderr


def test_a_pipe_cannot_be_watched(folder):
    script = f"""{PROGRAM} check --watch-config --config <(echo 'backend = "http://a.test"')"""
    ended = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ended.returncode == 2
    assert "--watch-config needs files that can be read again: /dev/fd/" in ended.stdout


# --- outputs ---------------------------------------------------------------------------------------


def test_live_connects_to_the_backend(start_backend):
    assert checked("--live", start_backend().url) == "the configuration is good\n"
    port = free_port()
    assert checked("--live", f"http://127.0.0.1:{port}", code=2) == (
        f"onehop: error: http://127.0.0.1:{port} does not answer: Connection refused\n1 error\n")


def test_check_needs_no_port_and_opens_none(start_proxy, start_backend):
    proxy = start_proxy(start_backend().url)
    assert checked("-l", "%s:%d" % proxy.address, "8000") == "the configuration is good\n"


def test_diff_asks_the_running_process(folder, start_backend, start_proxy):
    port = free_port()
    lines = [f'backend = "{start_backend().url}"', f'listen = ["127.0.0.1:{port}"]', 'admin-socket = "admin.sock"',
             'header-up = "Authorization: secret"']
    file = folder / "onehop.toml"
    file.write_text("\n".join([*lines, ""]), encoding="utf-8")
    assert run_onehop("check", "--diff", "--config", "onehop.toml").returncode == 1  # it does not run yet
    start_proxy("--config", "onehop.toml", configured=("127.0.0.1", port))
    hidden = "header-up: 1 value is hidden, and was not compared\n"
    assert checked("--diff", "--config", "onehop.toml") == (
        hidden + "a reload would change no setting that was compared\n")
    file.write_text("\n".join([*lines, 'idle-timeout = "20s"', "workers = 3", "max-connections = 9", ""]),
                    encoding="utf-8")
    assert checked("--diff", "--config", "onehop.toml") == (
        hidden + 'workers: "auto" becomes 3 (upgrade)\n'
        'idle-timeout: "75s" becomes "20s" (next timer)\n'
        'max-connections: "off" becomes 9 (at once)\n'
        "a reload cannot change --workers: that needs `onehop upgrade`, which drops no connections\n")
    file.write_text("nonsense", encoding="utf-8")
    assert "a line is KEY = VALUE" in checked("--diff", "--config", "onehop.toml", code=2)


def test_check_reports_findings_as_json(folder):
    (folder / "onehop.toml").write_text('backend = "http://a.test"\nwokers = 2\n', encoding="utf-8")
    found = json.loads(checked("--json", "--config", "onehop.toml", "--hold", "x", code=2))
    assert (found["errors"], found["warnings"]) == (2, 0)
    first, second = found["findings"]
    assert first == {"severity": "error", "message": "unknown setting 'wokers'", "hint": "did you mean workers?",
                     "source": "file", "name": "onehop.toml", "line": 2, "column": 1, "text": "wokers = 2",
                     "begin": 0, "size": 6}
    assert (second["source"], second["name"]) == ("flag", "--hold")
    assert json.loads(checked("--json", "8000")) == {"findings": [], "errors": 0, "warnings": 0}


@pytest.mark.skipif(not shutil.which("script") and not IN_CI, reason="needs script(1)")
def test_findings_have_colours_on_a_terminal_only(folder):
    """script(1) makes the terminal."""
    command = f"{PROGRAM} check --hold x 8000"

    def on_terminal(**variables):
        environment = {**os.environ, "TERM": "xterm", **variables}
        ended = subprocess.run(["script", "-qec", command, "/dev/null"], capture_output=True, text=True,
                               timeout=PATIENCE, env=environment, stdin=subprocess.DEVNULL, check=False)
        return ended.stdout

    assert "\x1b[1;31merror: \x1b[0m" in on_terminal()
    assert "\x1b" not in on_terminal(NO_COLOR="1")
    assert "\x1b" not in checked("--hold", "x", "8000", code=2)


def test_the_printed_configuration_fed_back_prints_the_same(folder):
    file = folder / "printed.toml"
    first = checked("--print", "--header-up", 'X-A: "{client}" \\ ü', "--trust", "10.0.0.0/8,::1", "--insecure",
                    "https://a.test/x")
    assert first == run_onehop("--print-config", "--header-up", 'X-A: "{client}" \\ ü', "--trust", "10.0.0.0/8,::1",
                               "--insecure", "https://a.test/x").stdout
    file.write_text(first, encoding="utf-8")
    second = checked("--print", "--config", "printed.toml")
    assert re.sub(r"  # .*", "", second) == re.sub(r"  # .*", "", first)
    file.write_text(second, encoding="utf-8")
    assert checked("--print", "--config", "printed.toml") == second
    assert tomllib.loads(second) == {"backend": "https://a.test/x", "insecure": True,
                                     "header-up": ['X-A: "{client}" \\ ü'], "trust": ["10.0.0.0/8", "::1"]}


@pytest.mark.parametrize("flags", [
    ["--print", "--json"], ["--diff", "--json"], ["--print", "--diff"], ["--print-config", "--json"],
])
def test_flags_that_print_different_things_are_refused(flags):
    ended = run_onehop("check", *flags, "8000")
    assert ended.returncode == 2
    assert "print different things: use one of them" in ended.stdout + ended.stderr


def test_the_schema_flag_cannot_be_combined():
    for flag in ("--live", "--json"):
        ended = run_onehop("check", "--schema", flag, "8000")
        assert ended.returncode == 2
        assert "--schema cannot be combined with another flag of its command" in ended.stdout + ended.stderr


def test_a_flag_of_another_command_is_refused():
    for flag in ("--print", "--diff", "--live", "--schema"):
        ended = run_onehop(flag, "8000")
        assert ended.returncode == 2
        assert ended.stderr == f"onehop: error: {flag} is a flag of `onehop check`\n"


# --- what is generated from the settings -----------------------------------------------------------


def flags():
    return re.findall(r"^ .{5}--([a-z0-9-]+)", run_onehop("help").stdout, re.MULTILINE)


def test_the_schema_has_every_key_and_accepts_the_example():
    schema = json.loads(checked("--schema"))
    assert set(flags()) - {"config"} | {"upstream", "route"} == set(schema["properties"])
    example = tomllib.loads((ROOT / "packaging" / "onehop.toml").read_text(encoding="utf-8"))
    assert set(example) <= set(schema["properties"])
    if not jsonschema and not IN_CI:
        pytest.skip("needs jsonschema")
    jsonschema.validate(example, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"backend": "http://a", "drain-timeout": 30}, schema)


def test_the_example_is_short_and_valid():
    file = ROOT / "packaging" / "onehop.toml"
    text = file.read_text(encoding="utf-8")
    assert text.startswith("#:schema ")
    assert len([line for line in text.splitlines() if line and not line.startswith("#")]) == 5
    assert checked("--config", file) == "the configuration is good\n"
    # So are the lines that it has as comments.
    with_tls = re.sub(r"^#(?=[a-z])(?!:)", "", text, flags=re.MULTILINE).replace('listen = [":80"]\n', "")
    assert tomllib.loads(with_tls)["listen"] == ["https://:443", "redirect://:80"]


def test_the_manual_has_the_tables_of_the_program():
    ended = subprocess.run([sys.executable, ROOT / "tools" / "write_tables", PROGRAM, "--check"], capture_output=True,
                           text=True, timeout=PATIENCE, check=False)
    assert ended.returncode == 0, ended.stderr


def test_the_manual_page_is_valid():
    page = run_onehop("help", "--man").stdout
    assert page.startswith(".TH ONEHOP 1 ")
    for flag in flags():
        assert "\\-\\-" + flag.replace("-", "\\-") in page
    if not shutil.which("groff") and not IN_CI:
        pytest.skip("needs groff")
    shown = subprocess.run(["groff", "-man", "-Tutf8", "-ww"], input=page, capture_output=True, text=True,
                           timeout=PATIENCE, check=True)
    assert shown.stderr == ""
