# SPDX-License-Identifier: Apache-2.0
"""The pages of docs/ that answer a question are run: every command in them works as they say.

A page is cut at its headings, and each part runs by itself, in a folder of its own:

    ```sh                commands, run in order by one bash; each must succeed. A line that ends in & starts a program,
                         and the next line waits until it listens.
    ```output            lines that the commands above must have printed; "..." stands for any text.
    ```python app.py     a file, written before the commands run; so for every other language with a name after it.
    ```console           commands that cannot run here (systemctl, docker, ports below 1024): only their syntax and the
                         flags of onehop in them are checked.
    ```cpp               lines of a program in examples/, which the build compiles.

The ports that the pages use are replaced by free ones."""
import json
import os
import re
import shlex
import signal
import subprocess
import textwrap
from pathlib import Path

import pytest

from proxy_process import PROGRAM, ROOT, free_port, run_onehop

DOCS = ROOT / "docs"
PAGES = ["getting_started", "recipes", "coming_from", "troubleshooting", "access_log", "testing", "operating",
         "several_backends", "https_by_itself"]
OTHERS = ["message_framing", "life_of_a_request", "../README", "../SECURITY"]  # whose flags exist, too
PORTS = re.compile(r"(?<![\w.])(?:8000|8001|8080|8081|8443|9000|9001|9002|50051)(?!\w)")
PATIENCE = 90
# Flags in the pages that are not onehop's, and one that is misspelt on purpose.
FOREIGN = {"--http2-prior-knowledge", "--http1.1", "--unix-socket", "--cacert", "--cert", "--key", "--resolve",
           "--haproxy-protocol", "--connect-to", "--preset", "--build", "--test", "--bind", "--threads", "--keep-alive",
           "--forwarded-allow-ips", "--no-install-recommends", "--from", "--rm", "--read-only", "--stop-timeout", "--now",
           "--data-binary", "--max-bdy", "--gtest_brief", "--email", "--dns", "--domains", "--path", "--dns-cloudflare",
           "--dns-cloudflare-credentials",
           "ONEHOP_DIFFERENTIAL_CASES",
           "ONEHOP_DIFFERENTIAL_SEED", "ONEHOP_TEST_SET", "--cflags", "--libs"}


class Block:
    def __init__(self, info, text, line):
        self.language, _, self.name = info.partition(" ")
        self.text = text
        self.line = line


class Part:
    """The part of a page below one heading."""

    def __init__(self, page, heading):
        self.page = page
        self.heading = heading
        self.blocks = []

    def of(self, language):
        return [block for block in self.blocks if block.language == language]

    def __repr__(self):
        return f"{self.page}-{re.sub(r'[^a-z0-9]+', '-', self.heading.lower()).strip('-')}"


def read_page(page):
    return (DOCS / f"{page}.md").read_text(encoding="utf-8")


def parts_of(page):
    parts, fence, kept = [Part(page, "top")], None, []
    for number, line in enumerate(read_page(page).splitlines(), 1):
        stripped = line.strip()
        if fence is not None:
            if stripped == "```":
                text = textwrap.dedent("\n".join(kept)) + "\n"
                parts[-1].blocks.append(Block(fence[0], text, fence[1]))
                fence, kept = None, []
            else:
                kept.append(line)
        elif stripped.startswith("```"):
            fence = (stripped[3:], number)
        elif line.startswith("## "):
            parts.append(Part(page, line[3:]))
    assert fence is None, f"{page}.md, line {fence[1]}: the block does not end"
    return parts


PARTS = [part for page in PAGES for part in parts_of(page)]
BLOCKS = [(part, block) for part in PARTS for block in part.blocks]


# --- the commands ----------------------------------------------------------------------------------

PRELUDE = r"""
set -eu -o pipefail
end() { trap - EXIT; for job in $(jobs -p); do kill $job 2>/dev/null || true; done; wait; exit $1; }
trap 'end $?' EXIT
wait_for() {
  for _ in $(seq 1500); do
    if (exec 3<>/dev/tcp/127.0.0.1/$1) 2>/dev/null; then return; fi
    sleep 0.01
  done
  echo "nothing listens on port $1"; exit 1
}
"""


def ports_waited_for(line, files):
    """The ports on which the program that the line starts will listen."""
    listen = re.findall(r"(?:-l|--listen) \S*?(\d+)(?=\s|')", line)
    if listen:
        return listen
    named = PORTS.findall(line)
    if not named:
        named = [port for name, text in files.items() if name in line.split() for port in PORTS.findall(text)]
    return named[:1]


def script_of(part, files):
    lines = [PRELUDE]
    for block in part.of("sh"):
        joined = block.text.replace("\\\n", " ")
        for line in joined.splitlines():
            lines.append(line)
            if line.endswith(" &"):
                lines += [f"wait_for {port}" for port in ports_waited_for(line, files)]
    return "\n".join(lines) + "\n"


def with_free_ports(chosen):
    def replace(match):
        while match[0] not in chosen:
            port = str(free_port())
            if port not in chosen.values():
                chosen[match[0]] = port
        return chosen[match[0]]

    return lambda text: PORTS.sub(replace, text)


@pytest.fixture
def tools(tmp_path):
    """A PATH on which onehop and the examples are those under test, and python3 is Debian's."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "onehop").symlink_to(PROGRAM)
    (folder / "python3").symlink_to("/usr/bin/python3")
    for example in Path(os.environ.get("ONEHOP_EXAMPLES", folder)).glob("*"):
        if example.is_file() and os.access(example, os.X_OK) and not (folder / example.name).exists():
            (folder / example.name).symlink_to(example)
    (tmp_path / ".curlrc").write_text("silent\nshow-error\nmax-time = 20\n", encoding="utf-8")
    return {**os.environ, "HOME": str(tmp_path), "PATH": f"{folder}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8",
            "PYTHONUNBUFFERED": "1"}


def run_script(script, folder, environment):
    """Returns the output of the script on both streams; it must succeed and leave no process."""
    output = folder / "output"
    with output.open("wb") as out, subprocess.Popen(["bash", "-c", script], cwd=folder, env=environment, stdout=out,
                                                    stderr=out, stdin=subprocess.DEVNULL,
                                                    start_new_session=True) as bash:
        try:
            code = bash.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(bash.pid, signal.SIGKILL)
            code = "no end"
    printed = output.read_text(encoding="utf-8", errors="replace")
    assert code == 0, f"ended with {code}:\n{script.removeprefix(PRELUDE)}\n--- printed:\n{printed}"
    return printed


def pattern_of(line):
    return ".*".join(re.escape(piece) for piece in line.split("..."))


def check_printed(part, printed, replace):
    lines = [line.rstrip("\r") for line in printed.splitlines()]
    for block in part.of("output"):
        for line in replace(block.text).splitlines():
            assert any(re.fullmatch(pattern_of(line), one) for one in lines), \
                f"docs/{part.page}.md, line {block.line}: not printed: {line}\n--- printed:\n{printed}"


@pytest.mark.parametrize("part", [part for part in PARTS if part.of("sh")], ids=repr)
def test_the_commands_of_a_page_work_as_described(part, tools, tmp_path):
    if part.page == "getting_started" and "ONEHOP_EXAMPLES" not in os.environ:
        pytest.skip("the examples were not built")
    try:
        run_part(part, tools, tmp_path / "run")
    except AssertionError as failed:
        # Another test may have taken a port between its choice and its use.
        if "is in use by another process" not in str(failed):
            raise
        run_part(part, tools, tmp_path / "again")


def run_part(part, tools, folder):
    replace = with_free_ports({})
    folder.mkdir()
    files = {block.name: block.text for block in part.blocks if block.name}
    for name, text in files.items():
        (folder / name).write_text(replace(text), encoding="utf-8")
    printed = run_script(replace(script_of(part, files)), folder, tools)
    check_printed(part, printed, replace)


# --- what does not run -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def known():
    """Every flag and every variable of the program."""
    flags = set(re.findall(r"(?<![\w-])--[a-z0-9-]+", run_onehop("--help").stdout))
    return flags | {"ONEHOP_" + flag[2:].replace("-", "_").upper() for flag in flags} | {"ONEHOP_BACKEND"}


def unknown_in(text, known):
    named = re.findall(r"(?<![\w-])(?:--[a-z][a-z0-9._-]*|ONEHOP_[A-Z_]+)", text)
    return sorted(set(named) - known - FOREIGN)


@pytest.mark.parametrize("page", PAGES + OTHERS)
def test_every_flag_on_a_page_exists(page, known):
    text = read_page(page)
    if page == "coming_from":  # the last column is ours
        text = "\n".join(line.rpartition(" | ")[2] for line in text.splitlines() if line.startswith("|"))
    assert unknown_in(text, known) == []


def flags_with_values(page):
    """The inline code that begins with a flag and goes on with its value: `--max-body 10MiB`."""
    text = re.sub(r"```.*?```", "", read_page(page), flags=re.DOTALL)
    if page == "coming_from":
        text = "\n".join(line.rpartition(" | ")[2] for line in text.splitlines() if line.startswith("|"))
    # NAME and the like stand for a value.
    return [span for span in re.findall(r"`([^`\n]+)`", text) if re.match(r"--?[a-z-]+ (?![A-Z]+\b)\S", span)]


@pytest.mark.parametrize("page", PAGES + OTHERS)
def test_the_program_accepts_each_value_on_a_page(page, known):
    spans = [span for span in flags_with_values(page) if span.split()[0] in known | {"-l", "-v"}]
    # The last flag of all is wrong, or the one before it. A value that is wrong as well would be named first.
    refused = {}
    for span in spans:
        last = "--hold" if "--hold" not in span else "--max-informational"
        ended = run_onehop(*shlex.split(span), last, "wrong", "8000")
        if f"{last}: error: 'wrong'" not in ended.stderr:
            refused[span] = ended.stderr
    assert refused == {}


def test_commands_that_cannot_run_here_are_valid_shell():
    for part, block in BLOCKS:
        if block.language != "console":
            continue
        text = block.text.replace("\\\n", " ")
        commands = "\n".join(line[2:] for line in text.splitlines() if line.startswith("$ "))
        assert commands, f"docs/{part.page}.md, line {block.line}: no line begins with $"
        checked = subprocess.run(["bash", "-n"], input=commands, text=True, capture_output=True, check=False)
        assert checked.stderr == "", f"docs/{part.page}.md, line {block.line}"


def test_every_program_that_is_shown_is_one_of_the_examples():
    def lines(text):
        return [line.strip() for line in text.splitlines() if line.strip()]

    programs = ["\n".join(lines(path.read_text(encoding="utf-8"))) for path in (ROOT / "examples").glob("*.cpp")]
    shown = [block for _, block in BLOCKS if block.language == "cpp"]
    shown += [block for part in parts_of("../README") for block in part.of("cpp")]
    assert len(shown) > 5
    for block in shown:
        assert any("\n".join(lines(block.text)) in program for program in programs), block.text


def test_every_block_is_of_a_kind_that_is_checked():
    kinds = {"sh", "output", "console", "cpp", "text"}
    odd = [f"docs/{part.page}.md, line {block.line}" for part, block in BLOCKS
           if block.language not in kinds and not block.name]
    assert odd == []


# --- one page each ---------------------------------------------------------------------------------


def test_the_page_about_the_access_log_names_everything_in_a_line(start_proxy, start_backend):
    page = read_page("access_log")
    text, lines = [], {}
    for form in ("text", "json"):
        proxy = start_proxy("--access-log", form, "--request-id", "--trust", "127.0.0.1", "--max-body", "1KiB",
                            start_backend().url)
        with proxy.client() as client:
            client.ask(b"GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.1\r\n"
                       b"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n")
            client.ask(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2000\r\n\r\n")
        lines[form] = proxy.wait_for_log_lines(2)
    for line in lines["text"]:
        text += re.findall(r"(?<= )([a-z_]+)=", line)
    entry = json.loads(lines["json"][1])
    keys = {*entry, *entry["ms"], *entry["failure"]}
    assert {"peer", "trace_id", "failure"} <= set(text) and len(keys) > 25
    assert [name for name in sorted({*text, *keys}) if f"`{name}`" not in page] == []


def test_the_page_about_the_access_log_names_every_phase_and_outcome():
    source = (ROOT / "include" / "onehop" / "error.hpp").read_text(encoding="utf-8")
    phases = re.findall(r"^  (\w+),", source.split("enum class Phase")[1].split("};")[0], re.MULTILINE)
    source = (ROOT / "include" / "onehop" / "exchange_record.hpp").read_text(encoding="utf-8")
    outcomes = re.findall(r"^  (\w+),", source.split("enum class Outcome")[1].split("};")[0], re.MULTILINE)
    assert len(phases) > 8 and len(outcomes) == 3
    page = read_page("access_log")
    assert [name for name in [*phases, *outcomes] if name != "none" and f"| `{name}` |" not in page] == []


def literals_of_the_sources():
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.cpp")
                   if not path.name.endswith("_test.cpp"))
    return re.sub(r'"\s*\n\s*"', "", text) + "".join(os.strerror(number) + "\n" for number in range(1, 134))


def table_cells(page, heading):
    """The first cells of the tables whose first column has this heading."""
    cells, inside = [], False
    for line in read_page(page).splitlines():
        first = line.removeprefix("| ").partition(" | ")[0]
        inside = line.startswith("|") and (inside or first == heading)
        if inside and first not in (heading, "---"):
            cells.append(first)
    return cells


def test_log_messages_in_troubleshooting_exist_in_the_sources():
    known_text = literals_of_the_sources()
    quoted = [span for cell in table_cells("troubleshooting", "The log says") for span in re.findall(r"`([^`]+)`", cell)]
    assert len(quoted) > 30
    sides_and_phases = r"^(?:(?:client|upstream|proxy) )?(?:[a-z]+: )?"
    pieces = {piece for span in quoted for piece in re.split(r" ?\.\.\. ?| \(|\)", re.sub(sides_and_phases, "", span))}
    assert [piece for piece in sorted(pieces) if piece not in known_text] == []


def test_troubleshooting_explains_every_status_that_is_not_the_backends():
    source = (ROOT / "src" / "http" / "error_status.cpp").read_text(encoding="utf-8")
    own = set(re.findall(r"return (\d{3});", source))
    assert len(own) > 10
    headings = " ".join(line for line in read_page("troubleshooting").splitlines() if line.startswith("## "))
    assert [code for code in sorted(own) if code not in headings] == []


def figures():
    rows = re.findall(r"^\| (.*?) \| ([\d,]+) \| `(.*)` \|$", read_page("testing"), re.MULTILINE)
    return [(what, int(number.replace(",", "")), command.replace("\\|", "|")) for what, number, command in rows]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="the figures count what git knows")
def test_the_figures_in_the_page_about_tests_are_roughly_right():
    counted = {}
    for what, number, command in figures():
        ended = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
        counted[what] = (number, int(ended.stdout or 0))
    assert len(counted) > 6
    assert {what: pair for what, pair in counted.items() if not 0.8 * pair[1] <= pair[0] <= 1.1 * pair[1]} == {}
