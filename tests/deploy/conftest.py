"""The module in folders of its own, with a provider that has the real schema behind it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.bindings import BindingsMissing
from tests.deploy.provider_schema import Schema, schema
from tests.deploy.provider_server import Provider, served
from tests.deploy.terraform import MODULE, Terraform, TerraformMissing, program

USUAL: dict[str, Any] = {
    "project": "acme-prod",
    "image": "us-central1-docker.pkg.dev/acme-prod/hangwatch/watchdog:0.1.0",
    "coordinators": ["serviceAccount:coordinator@acme-prod.iam.gserviceaccount.com"],
    "viewers": ["group:ops@example.com"],
    "alert_emails": ["ops@example.com"],
}


@pytest.fixture(scope="session")
def google() -> Schema:
    """The real provider's schema of what the module uses; skips where it can't be had."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in MODULE.glob("*.tf"))
    resources = re.findall(r'^resource "(\w+)"', text, re.MULTILINE)
    data_sources = re.findall(r'^data "(\w+)"', text, re.MULTILINE)
    try:
        return schema(frozenset(resources), frozenset(data_sources))
    except BindingsMissing as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def _initialised(google: Schema, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the module after `terraform init`, to copy from."""
    try:
        program()
    except TerraformMissing as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("module") / "terraform"
    shutil.copytree(MODULE, folder, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars"))
    with served(Provider(google)) as reattach:
        Terraform(folder / "example", reattach).must("init", "-no-color", "-input=false")
        Terraform(folder, reattach).must("init", "-no-color", "-input=false")
    return folder


@pytest.fixture
def provider(google: Schema) -> Provider:
    """A provider that remembers what it was told to do."""
    return Provider(google)


@pytest.fixture
def deploy(provider: Provider, _initialised: Path, tmp_path: Path) -> Iterator[Callable[..., Terraform]]:
    """Makes a folder with the module in it. values: of secrets. None takes one of the usual variables away."""
    with served(provider) as reattach:

        def made(values: dict[str, str] | None = None, **variables: Any) -> Terraform:
            folder = tmp_path / f"deployment-{len(list(tmp_path.iterdir()))}"
            shutil.copytree(_initialised, folder, symlinks=True)
            given = {name: value for name, value in (USUAL | variables).items() if value is not None}
            return Terraform(folder, reattach, given, values or {})

        yield made


@pytest.fixture(scope="session")
def deployed(google: Schema, _initialised: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A whole deployment with all that can be switched on, as its state says.

    Not as its plan says: there a set with one unknown value, such as the service's settings, is unknown as a whole.
    """
    folder = tmp_path_factory.mktemp("whole") / "terraform"
    shutil.copytree(_initialised, folder, symlinks=True)
    everything = {
        "policy": '[defaults]\ndeadline = "30m"\n',
        "public": True,
        "slack_channel": "#alerts",
        "secrets": {"slack_token": "1", "slack_signing_secret": "1", "ping_url": None},
        "labels": {"team": "predictions"},
    }
    values = {"slack_token": "xoxb-planted", "slack_signing_secret": "planted-signing"}
    with served(Provider(google)) as reattach:
        terraform = Terraform(folder, reattach, USUAL | everything, values)
        assert terraform.plan().status == 2
        terraform.apply()
        return terraform.shown()
