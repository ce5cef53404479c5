# SPDX-License-Identifier: Apache-2.0
"""The tests named in the documents exist."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "bench" / "README.md"])
FOLDERS = "base|io|http|net|wire|server|transport|proxy|upstream|testing|program|include|src|tests|tools|docs|cmake|fuzz|examples"


def is_there(name):
    """Whether a file or folder exists below the root or src/, where the suffix may be left out."""
    return any(next(base.glob(pattern), None) for base in (ROOT, ROOT / "src") for pattern in (name, name + ".*"))


def prose(page):
    """The text without fenced blocks: programs, commands and their output."""
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(page):
    """The anchors of its headings, as GitHub generates them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)\s#]*)(?:#([^)\s]*))?\)", prose(page))
    broken = []
    for name, anchor in links:
        if name.startswith("http"):
            continue
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(f"{name}#{anchor}")
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_line_of_prose_is_longer_than_120_characters(page):
    lines = prose(page).splitlines()
    assert [line for line in lines if len(line) > 120 and not line.startswith(("|", "    "))] == []


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "docs/life_of_a_request.md",
                                  *(f"docs/decisions/{page.name}" for page in ROOT.glob("docs/decisions/*.md"))])
def test_every_file_that_is_named_exists(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(rf"(?<![\w/.<-])((?:{FOLDERS})/[\w./*-]*[\w*])", text)
    assert [name for name in sorted(set(named)) if not is_there(name)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_is_named_exists(page):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {target for names in re.findall(r"^([a-z -]+):", makefile, re.MULTILINE) for target in names.split()}
    named = re.findall(r"(?:`|^ {4}|^)make ([a-z-]+)\b", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert [name for name in named if name not in targets] == []


def test_the_list_of_decisions_is_complete():
    listed = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    pages = [page.name for page in (ROOT / "docs" / "decisions").glob("*.md") if page.name != "README.md"]
    assert [name for name in pages if f"({name})" not in listed] == []


def test_every_page_is_in_the_list_of_documents():
    listed = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = [page.name for page in (ROOT / "docs").glob("*.md") if page.name != "README.md"]
    assert [name for name in pages if f"({name})" not in listed] == []


def test_the_program_in_the_readme_is_the_example():
    shown = re.search(r"```cpp\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)[1]
    example = (ROOT / "examples" / "single_host.cpp").read_text(encoding="utf-8")
    assert shown == example[example.index("#include"):]


def test_every_test_that_message_framing_names_exists():
    text = (ROOT / "docs" / "message_framing.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", text))
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "integration").glob("test_*.py"))
    assert len(named) > 40
    assert [name for name in sorted(named) if f"def {name}(" not in sources] == []


def test_every_row_of_message_framing_names_its_test():
    for line in (ROOT / "docs" / "message_framing.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("| ") and not line.startswith(("| ---", "| What arrives")):
            assert "`test_" in line.rpartition(" | ")[2], line


@pytest.fixture(scope="module")
def code():
    folders = ("include", "src", "tests", "fuzz", "examples")
    return "".join(path.read_text(encoding="utf-8") for folder in folders for path in (ROOT / folder).rglob("*.[ch]pp"))


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=lambda page: page.name)
def test_every_member_that_a_page_names_exists(page, code):
    named = re.findall(r"`([A-Z]\w*)::([a-z_]\w*)(?:\([^`]*\))?`", prose(page))
    missing = [f"{owner}::{member}" for owner, member in named
               if f"{owner}::{member}" not in code and not re.search(rf"\b(class|struct) {owner}\b", code)
               or not re.search(rf"\b{member}\b", code)]
    assert missing == []
