"""The real Terraform, run on a copy of the module against a provider of ours; nothing is fetched and nothing left."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.imports import ROOT

__all__ = ["MODULE", "Answer", "Terraform", "TerraformMissing", "program"]

MODULE = ROOT / "deploy/terraform"
OLDEST = (1, 11)  # write-only arguments


class TerraformMissing(Exception):
    """This machine has no Terraform that will do; the text says what it lacks."""


@dataclass(frozen=True)
class Answer:
    """How a command ended."""

    status: int
    said: str


def program() -> str:
    """Where Terraform is. Raises `TerraformMissing`."""
    found = shutil.which("terraform")
    if found is None:
        raise TerraformMissing("the tests of deploy/terraform need terraform 1.11 or newer, which is not on PATH")
    answer = subprocess.run([found, "version", "-json"], capture_output=True, text=True, check=True, env=_environment())
    version = str(json.loads(answer.stdout)["terraform_version"])
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        raise TerraformMissing(f"the tests of deploy/terraform need terraform 1.11 or newer, got {version}")
    return found


def _environment() -> dict[str, str]:
    """Ours without what would lead Terraform to somebody's settings, credentials or plugins."""
    mine = ("TF_", "GOOGLE_", "CLOUDSDK_", "GCLOUD_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(mine)}
    return kept | {"TF_CLI_CONFIG_FILE": os.devnull, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}


@dataclass
class Terraform:
    """Terraform in one folder. reattach: how it finds the provider. variables: given to each plan."""

    folder: Path
    reattach: str
    variables: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str) -> Answer:
        """Run a command; stdout and stderr together."""
        environment = _environment() | {"TF_REATTACH_PROVIDERS": self.reattach}
        if self.secrets:
            environment["TF_VAR_secret_values"] = json.dumps(self.secrets)
        done = subprocess.run(
            [program(), f"-chdir={self.folder}", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Answer(done.returncode, done.stdout)

    def must(self, *arguments: str) -> str:
        """Run a command that has to succeed; what it said."""
        answer = self.run(*arguments)
        assert answer.status == 0, answer.said
        return answer.said

    def plan(self, *arguments: str) -> Answer:
        """Make a plan, kept as `plan`; status 2 where it would change something."""
        (self.folder / "test.auto.tfvars.json").write_text(json.dumps(self.variables))
        return self.run("plan", "-no-color", "-input=false", "-detailed-exitcode", "-out=plan", *arguments)

    def planned(self, *arguments: str) -> dict[str, Any]:
        """A plan that has to succeed, as JSON."""
        answer = self.plan(*arguments)
        assert answer.status in (0, 2), answer.said
        return self.shown("plan")

    def shown(self, *what: str) -> dict[str, Any]:
        """A plan, or without an argument the state, as JSON."""
        shown: dict[str, Any] = json.loads(self.must("show", "-json", *what))
        return shown

    def apply(self) -> str:
        """Carry out the plan that was made last."""
        return self.must("apply", "-no-color", "-input=false", "plan")
