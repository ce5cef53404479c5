# SPDX-License-Identifier: Apache-2.0
"""Compiles bench/tools/*.cpp into build/bench/ if the sources, the compiler or the flags have changed."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "bench" / "tools"
OUTPUT = ROOT / "build" / "bench"
LIBRARIES = {"backend": [], "backend_h2": ["-lnghttp2"], "load": [], "load_tls": ["-lssl", "-lcrypto"],
             "queue_backends": [], "relay": []}
FLAGS = ["-std=c++23", "-O2", "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Wold-style-cast"]
COMPILERS = ("clang++-19", "g++", "clang++")


def path(name):
    return str(OUTPUT / name)


def compiler():
    for candidate in (os.environ.get("CXX"), *COMPILERS):
        if candidate and shutil.which(candidate):
            return candidate
    raise SystemExit("bench: no C++ compiler found (apt-get install clang-19)")


def fingerprint(command):
    digest = hashlib.sha256(f"{command} {LIBRARIES}".encode())
    for source in sorted(SOURCES.glob("*.?pp")):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def build():
    OUTPUT.mkdir(parents=True, exist_ok=True)
    command = [compiler(), *FLAGS]
    current = fingerprint(command)
    stamp = OUTPUT / "stamp"
    done = stamp.exists() and stamp.read_text() == current
    if done and all((OUTPUT / name).exists() for name in LIBRARIES):
        return
    print("building the bench tools ...", flush=True)
    for name, libraries in LIBRARIES.items():
        fresh = OUTPUT / f"{name}.new"
        result = subprocess.run([*command, "-o", fresh, SOURCES / f"{name}.cpp", *libraries])
        if result.returncode != 0:
            raise SystemExit(f"bench: cannot compile bench/tools/{name}.cpp")
        fresh.rename(OUTPUT / name)
    stamp.write_text(current)
