"""A strict reader of Dockerfiles: the instructions that ours may use, anything else is an error.

Rules from "Dockerfile reference" of Docker: continuation lines, ARG before FROM, replacement of variables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["DockerfileError", "Instruction", "Stage", "read_dockerfile", "replaced"]

KNOWN = frozenset({"ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "RUN", "USER", "WORKDIR"})
VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?:(:[-+])([^{}]*))?\})")


class DockerfileError(Exception):
    """The file holds something that this reader does not know, or that Docker would refuse."""


@dataclass(frozen=True)
class Instruction:
    """One instruction. name: in capitals; text: the rest, lines joined."""

    name: str
    text: str

    def words(self) -> list[str]:
        """The text's words; those of a JSON list where it is one."""
        if self.text.startswith("["):
            words: list[str] = json.loads(self.text)
            return words
        return self.text.split()

    def pairs(self) -> dict[str, str]:
        """`NAME=VALUE` words, as ENV has them."""
        found = dict(word.split("=", 1) for word in self.text.split() if "=" in word)
        if len(found) != len(self.text.split()):
            raise DockerfileError(f"{self.name} {self.text}: expected NAME=VALUE without blanks")
        return found


@dataclass
class Stage:
    """One FROM with what follows. base: the image, variables replaced."""

    base: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def last(self, name: str) -> Instruction:
        """The instruction of a name that counts."""
        found = [one for one in self.instructions if one.name == name]
        if not found:
            raise DockerfileError(f"the stage {self.name or self.base} has no {name}")
        return found[-1]


def read_dockerfile(path: Path, arguments: Mapping[str, str] = {}) -> list[Stage]:
    """The stages of a file. arguments: as `--build-arg` gives them, for the ARGs before the first FROM."""
    known: dict[str, str] = {}
    stages: list[Stage] = []
    for instruction in _instructions(path.read_text(encoding="utf-8")):
        if instruction.name == "FROM":
            stages.append(_stage(instruction, known))
        elif stages:
            stages[-1].instructions.append(instruction)
        elif instruction.name == "ARG":
            name, _, default = instruction.text.partition("=")
            known[name] = arguments.get(name, default)
        else:
            raise DockerfileError(f"{instruction.name} before the first FROM: only ARG may stand there")
    unknown = arguments.keys() - known
    if unknown or not stages:
        raise DockerfileError(f"expected a FROM and ARGs for {sorted(unknown)}, got none")
    return stages


def replaced(text: str, known: Mapping[str, str]) -> str:
    """The text with `$NAME`, `${NAME}`, `${NAME:-other}` and `${NAME:+other}` replaced, from the inside out."""

    def value(found: re.Match[str]) -> str:
        name, how, other = found[1] or found[2], found[3], found[4]
        said = known.get(name, "")
        if how == ":+":
            return replaced(other, known) if said else ""
        return said or (replaced(other, known) if how == ":-" else "")

    return VARIABLE.sub(value, text)


def _stage(instruction: Instruction, known: Mapping[str, str]) -> Stage:
    found = re.fullmatch(r"(\S+)(?: AS (\w+))?", instruction.text)
    if found is None:
        raise DockerfileError(f"FROM {instruction.text}: expected FROM IMAGE or FROM IMAGE AS NAME")
    return Stage(replaced(found[1], known), found[2] or "")


def _instructions(text: str) -> list[Instruction]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    whole = re.sub(r"\\\n", " ", "\n".join(lines))
    return [_instruction(line) for line in whole.splitlines()]


def _instruction(line: str) -> Instruction:
    name, _, rest = line.strip().partition(" ")
    if name not in KNOWN:
        raise DockerfileError(f"{name}: expected one of {', '.join(sorted(KNOWN))}; teach tests/deploy what it does")
    return Instruction(name, " ".join(rest.split()))
