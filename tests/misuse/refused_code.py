#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""refused_code.py COMPILER INCLUDE_FOLDER: compiles refused_code.cpp and compares what is refused.

Each case is a comment `// refused: "text"`; the line after it must be refused with an error, or a
note to it, that contains the text. No other line may be refused.
"""
import pathlib
import re
import subprocess
import sys

SOURCE = pathlib.Path(__file__).with_name("refused_code.cpp")
CASE = re.compile(r'// refused: "(.*)"')
AT = re.compile(r"refused_code\.cpp:(\d+):\d+: ")


def main(compiler, include):
    expected = {}
    for number, line in enumerate(SOURCE.read_text(encoding="utf-8").splitlines(), 1):
        if match := CASE.search(line):
            expected[number + 1] = match.group(1)
    done = subprocess.run([compiler, "-std=c++23", "-fsyntax-only", "-ferror-limit=0" if "clang" in compiler else
                           "-fmax-errors=0", "-fno-color-diagnostics" if "clang" in compiler else
                           "-fdiagnostics-color=never", f"-I{include}", str(SOURCE)],
                          capture_output=True, text=True, check=False)
    said = {}
    current = None
    for line in done.stderr.splitlines():
        # Notes come after their error; in a template, "required from here" names the line of the case.
        if match := AT.search(line):
            if " error: " in line or "required from here" in line:
                current = int(match.group(1))
        elif " error: " in line:
            current = None
        if current is not None:
            said.setdefault(current, []).append(line)
    problems = []
    for number, text in expected.items():
        if text not in "\n".join(said.get(number, [])):
            problems.append(f"line {number} is not refused with {text!r}, but: {said.get(number)}")
    problems += [f"line {number} is refused: {lines[0]}" for number, lines in said.items() if number not in expected]
    print("\n".join(problems) or f"{len(expected)} cases are refused as they should be")
    return 1 if problems or not expected else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
