# SPDX-License-Identifier: Apache-2.0
"""Reads a Containerfile, and carries out as much of one as the project's own needs, without an engine."""
import json
import re
import shlex
import shutil
import subprocess


def instructions(text):
    """(word, rest) of each instruction, with continued lines joined and comments removed."""
    text = re.sub(r"^[ \t]*#.*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\\\n", " ", text)
    return [tuple(line.strip().split(None, 1)) for line in text.splitlines() if line.strip()]


def stages(text):
    """The stages by name; the last one is "". Each is a list of instructions after FROM, with its base first."""
    found = {}
    for word, rest in instructions(text):
        if word == "FROM":
            base, *name = re.split(r"\s+AS\s+", rest)
            current = found.setdefault(name[0] if name else "", [("FROM", base)])
        else:
            current.append((word, rest))
    return found


def build_first_stage(steps, debian, context):
    """Executes COPY and RUN in an existing Debian."""
    shell = ["/bin/sh", "-c"]
    for word, rest in steps[1:]:
        if word == "SHELL":
            shell = json.loads(rest)
        elif word == "COPY":
            pattern, target = rest.split()
            for file in context.glob(pattern):
                shutil.copy(file, debian.path / target.lstrip("/"))
        elif word == "RUN":
            debian.run(*shell, rest, network=True)
        else:
            raise ValueError(f"{word} is not carried out here")


class Image:
    """The image of the last stage: its folder, environment, user and commands."""

    def __init__(self, steps, folder, of_stages):
        self.folder, self.environment = folder, {}
        for word, rest in steps:
            if word == "COPY":
                source, path, target = re.match(r"--from=(\S+) (\S+) (\S+)", rest).groups()
                assert target == "/"
                subprocess.run(["cp", "-a", f"{of_stages[source].path}{path}/.", folder], check=True)
            elif word == "ENV":
                self.environment.update(one.split("=", 1) for one in shlex.split(rest))
            elif word == "USER":
                self.user, self.group = map(int, rest.split(":"))
            elif word == "ENTRYPOINT":
                self.entrypoint = json.loads(rest)
            elif word == "HEALTHCHECK":
                self.health = json.loads(rest[rest.index("CMD ") + 4:])
            elif word == "VOLUME":
                self.volumes = json.loads(rest)

    def run(self, script, variables=()):
        """Runs a script of the machine's shell, in which `inside COMMAND...` runs a command in the container as an
        engine would with --read-only: without rights, and with nothing to write but the volumes."""
        volumes = "".join(f"mount -t tmpfs -o uid={self.user},gid={self.group},mode=700 tmpfs '{self.folder}{one}'\n"
                          for one in self.volumes)
        variables = {**self.environment, **dict(variables)}
        names = " ".join(shlex.quote(f"{name}={value}") for name, value in variables.items())
        begin = f"""
            folder={shlex.quote(str(self.folder))}
            inside() {{
              exec env -i {names} setpriv --no-new-privs "$(command -v chroot)" \\
                --userspec={self.user}:{self.group} --groups= "$folder" "$@"
            }}
            mount --bind "$folder" "$folder"
            mount -o remount,ro,bind "$folder"
            {volumes}
        """
        return subprocess.run(["unshare", "--mount", "--fork", "--kill-child", "bash", "-euc", begin + script],
                              capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL)
