# SPDX-License-Identifier: Apache-2.0
"""The completion of command lines, in the shells themselves."""
import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

from proxy_process import IN_CI, run_onehop
from wire import PATIENCE


def script_of(shell):
    ended = run_onehop("completion", shell)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def in_bash(_folder, line):
    """The words that bash would offer at the end of the line."""
    words = [part for word in line.split(" ") for part in re.split("(=)", word) if part or word == ""]
    quoted = " ".join(f"'{word}'" for word in words)
    script = script_of("bash") + f"COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _onehop\n" \
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    ended = subprocess.run(["bash", "--norc", "-u", "-c", script], capture_output=True, text=True, timeout=PATIENCE,
                           check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.split()


def in_fish(folder, line):
    file = folder / "onehop.fish"
    file.write_text(script_of("fish"), encoding="utf-8")
    ended = subprocess.run(["fish", "--no-config", "-c", f"source {file}; complete -C '{line}'"], capture_output=True,
                           text=True, timeout=PATIENCE, check=False, env={**os.environ, "HOME": str(folder)})
    assert (ended.returncode, ended.stderr) == (0, "")
    return [offered.split("\t")[0].removesuffix("=") for offered in ended.stdout.splitlines()]


def in_zsh(folder, line):
    """The last word of the line after a press of the Tab key, which completes it as far as it is unique."""
    (folder / "_onehop").write_text(script_of("zsh"), encoding="utf-8")
    (folder / ".zshrc").write_text(
        f"fpath=({folder} $fpath); autoload -U compinit; compinit -u -D; PROMPT='ready> '\n"
        f"report() {{ print -r -- $BUFFER > {folder}/line }}; zle -N report; bindkey '^X' report\n", encoding="utf-8")
    (folder / "line").unlink(missing_ok=True)
    master, slave = pty.openpty()
    environment = {**os.environ, "ZDOTDIR": str(folder), "TERM": "xterm", "HOME": str(folder)}
    with subprocess.Popen(["zsh", "-i"], stdin=slave, stdout=slave, stderr=slave, env=environment, cwd=folder,
                          start_new_session=True) as shell:
        os.close(slave)
        said = b""
        try:
            ends = time.monotonic() + PATIENCE
            typed = False
            while not (folder / "line").exists() or not (folder / "line").read_text(encoding="utf-8"):
                assert time.monotonic() < ends, said
                if select.select([master], [], [], 0.1)[0]:
                    said += os.read(master, 4096)
                if not typed and b"ready> " in said:
                    os.write(master, line.encode() + b"\t\x18")
                    typed = True
        finally:
            shell.kill()
            os.close(master)
    completed = (folder / "line").read_text(encoding="utf-8")
    return [completed.removesuffix("\n").split(" ")[len(line.split(" ")) - 1].removesuffix("=")]


SHELLS = {"bash": in_bash, "fish": in_fish, "zsh": in_zsh}


@pytest.fixture(params=SHELLS)
def offered(request, tmp_path):
    if not shutil.which(request.param) and not IN_CI:
        pytest.skip(f"needs {request.param}")
    return lambda line: SHELLS[request.param](tmp_path, line)


def test_settings_are_completed(offered):
    assert offered("onehop --drain-d") == ["--drain-delay"]


def test_commands_are_completed(offered):
    assert offered("onehop rel") == ["reload"]


def test_flags_of_a_command_are_completed(offered):
    assert offered("onehop check --sch") == ["--schema"]


def test_words_of_a_command_are_completed(offered):
    assert offered("onehop log-level warn") == ["warning"]


def test_values_of_a_setting_are_completed(offered):
    assert offered("onehop --access-log js") == ["json"]


def test_files_are_completed(offered, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "certificate.pem").write_text("", encoding="utf-8")
    assert offered("onehop --tls certi") == ["certificate.pem"]


def test_values_after_an_equals_sign_are_completed_in_bash(tmp_path):
    assert in_bash(tmp_path, "onehop --access-log=") == ["text", "json", "off"]
    assert in_bash(tmp_path, "onehop --access-log=te") == ["text"]


def test_the_value_of_a_flag_is_not_a_command_in_bash(tmp_path):
    assert "--schema" not in in_bash(tmp_path, "onehop --user check --sch")
    assert in_bash(tmp_path, "onehop --workers=4 check --sch") == ["--schema"]


def test_a_value_that_only_the_user_knows_is_not_guessed_in_bash(tmp_path):
    assert in_bash(tmp_path, "onehop --listen ") == []


def test_help_offers_only_its_own_flags_in_bash(tmp_path):
    assert in_bash(tmp_path, "onehop help --") == ["--man", "--tables"]


@pytest.mark.parametrize("words", [[], ["tcsh"], ["bash", "zsh"]])
def test_an_unknown_shell_is_refused(words):
    ended = run_onehop("completion", *words)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "bash, zsh or fish" in ended.stderr
