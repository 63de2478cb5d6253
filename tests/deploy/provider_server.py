"""A provider named google that Terraform talks to: the real schema, and what a real one does with state.

It makes nothing anywhere. It plans, computes what the real one would compute, refuses to destroy what is protected,
and remembers each change and the write-only values that came with it.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc

from tests.deploy import plugin_protocol as protocol
from tests.deploy.plugin_protocol import UNKNOWN, Unknown, decoded, encoded, message
from tests.deploy.provider_rules import REPLACES
from tests.deploy.provider_schema import Block, Schema, Type

__all__ = ["PROJECT_NUMBER", "Change", "Provider", "served"]

PROJECT_NUMBER = "123456789012"
NESTING = {"single": 1, "list": 2, "set": 3}
ERROR = 1

Value = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """What was done to one resource: created, updated, deleted or abandoned. sent: the write-only values with it."""

    what: str
    type: str
    after: Value
    sent: Mapping[str, str] = field(default_factory=dict)


class Provider:
    """Answers Terraform's calls; `changes` is what it was told to do, in order."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.changes: list[Change] = []

    def calls(self) -> Mapping[str, Callable[[Any], Any]]:
        """What can be called, by name."""
        return {
            "GetProviderSchema": self._get_schema,
            "ValidateProviderConfig": lambda request: message("ValidateReply"),
            "ValidateResourceConfig": lambda request: message("ValidateReply"),
            "ValidateDataResourceConfig": lambda request: message("ValidateReply"),
            "ConfigureProvider": lambda request: message("ValidateReply"),
            "UpgradeResourceState": self._upgrade,
            "ReadResource": lambda request: message("ReadResourceReply", new_state=request.current_state),
            "PlanResourceChange": self._plan,
            "ApplyResourceChange": self._apply,
            "ReadDataSource": self._read,
            "GetFunctions": lambda request: message("Empty"),
            "StopProvider": lambda request: message("Empty"),
        }

    def _get_schema(self, request: Any) -> Any:
        return message(
            "GetProviderSchemaReply",
            provider=_schema(self._schema.provider),
            resource_schemas=_entries(self._schema.resources),
            data_source_schemas=_entries(self._schema.data_sources),
        )

    def _upgrade(self, request: Any) -> Any:
        state = message("DynamicValue", json=request.raw_state.json)
        return message("UpgradeResourceStateReply", upgraded_state=state)

    def _plan(self, request: Any) -> Any:
        before, planned = decoded(request.prior_state), decoded(request.proposed_new_state)
        if planned is None:
            return message("PlanResourceChangeReply", planned_state=request.proposed_new_state)
        block = self._schema.resources[request.type_name]
        if before is None:
            _compute(block, planned, lambda name, kind: UNKNOWN)
        _forget_write_only(block, planned)
        replacing = [name for name in REPLACES.get(request.type_name, ()) if before and before[name] != planned[name]]
        return message(
            "PlanResourceChangeReply",
            planned_state=encoded(planned),
            requires_replace=[_path(name) for name in replacing],
        )

    def _apply(self, request: Any) -> Any:
        before, after = decoded(request.prior_state), decoded(request.planned_state)
        if after is None:
            return self._destroy(request, before)
        block = self._schema.resources[request.type_name]
        sent = _write_only(block, decoded(request.config))
        made = _Made(request.type_name, after)
        _settle(block, after, made)
        self.changes.append(Change("updated" if before else "created", request.type_name, after, sent))
        return message("ApplyResourceChangeReply", new_state=encoded(after))

    def _destroy(self, request: Any, before: Value) -> Any:
        if before.get("deletion_protection") or before.get("deletion_policy") == "PREVENT":
            return message("ApplyResourceChangeReply", new_state=request.prior_state, diagnostics=[_protected(before)])
        what = "abandoned" if before.get("deletion_policy") == "ABANDON" else "deleted"
        self.changes.append(Change(what, request.type_name, before))
        return message("ApplyResourceChangeReply", new_state=request.planned_state)

    def _read(self, request: Any) -> Any:
        found = decoded(request.config)
        made = _Made(request.type_name, found)
        _compute(self._schema.data_sources[request.type_name], found, made)
        return message("ReadDataSourceReply", state=encoded(found))


class _Made:
    """What the real provider would compute, where others refer to it; anything else is made up by its type."""

    def __init__(self, type_name: str, known: Value) -> None:
        self._type = type_name
        self._known = known

    def __call__(self, name: str, kind: Type) -> Any:
        known = {
            ("google_service_account", "email"): self._account,
            ("google_service_account", "member"): lambda: f"serviceAccount:{self._account()}",
            ("google_project", "number"): lambda: PROJECT_NUMBER,
            ("google_monitoring_notification_channel", "name"): lambda: "projects/acme-prod/notificationChannels/1",
            ("google_secret_manager_secret_version", "version"): lambda: "1",
            ("google_secret_manager_secret", "id"): lambda: f"projects/acme-prod/secrets/{self._known['secret_id']}",
        }.get((self._type, name))
        return known() if known else _made_up(name, kind)

    def _account(self) -> str:
        return f"{self._known['account_id']}@{self._known['project']}.iam.gserviceaccount.com"


def _made_up(name: str, kind: Type) -> Any:
    if isinstance(kind, list):
        return {} if kind[0] == "map" else []
    return {"string": f"made-up-{name}", "number": 0, "bool": False}[str(kind)]


def _inner(block: Block, value: Value) -> Iterator[tuple[Block, Value]]:
    """The blocks inside a value that are there, with what they say."""
    for name, nested in block.blocks.items():
        inside = value.get(name)
        for one in inside if isinstance(inside, list) else [inside]:
            if isinstance(one, dict):
                yield nested.block, one


def _compute(block: Block, value: Value, make: Callable[[str, Type], Any]) -> None:
    """Give all that is computed, and that nobody set, a value."""
    for name, attribute in block.attributes.items():
        if attribute.computed and value.get(name) is None:
            value[name] = make(name, attribute.type)
    for nested, inside in _inner(block, value):
        _compute(nested, inside, make)


def _settle(block: Block, value: Value, make: Callable[[str, Type], Any]) -> None:
    """Make known what was to be known after apply."""
    for name, attribute in block.attributes.items():
        if isinstance(value.get(name), Unknown):
            value[name] = make(name, attribute.type)
    for nested, inside in _inner(block, value):
        _settle(nested, inside, make)


def _forget_write_only(block: Block, value: Value) -> None:
    value.update({name: None for name, attribute in block.attributes.items() if attribute.write_only})
    for nested, inside in _inner(block, value):
        _forget_write_only(nested, inside)


def _write_only(block: Block, config: Value) -> dict[str, str]:
    found = {name: config[name] for name, attribute in block.attributes.items() if attribute.write_only}
    for nested, inside in _inner(block, config):
        found |= _write_only(nested, inside)
    return {name: value for name, value in found.items() if value is not None}


def _protected(before: Value) -> Any:
    named = before.get("name") or before.get("id")
    detail = f"{named}: expected deletion_protection = false, got true; apply that first"
    return message("Diagnostic", severity=ERROR, summary="it is protected", detail=detail)


def _path(name: str) -> Any:
    return message("AttributePath", steps=[message("Step", attribute_name=name)])


def _entries(blocks: Mapping[str, Block]) -> list[Any]:
    return [message("SchemaEntry", key=name, value=_schema(block)) for name, block in blocks.items()]


def _schema(block: Block) -> Any:
    return message("Schema", block=_block(block))


def _block(block: Block) -> Any:
    return message(
        "Block",
        attributes=[
            message(
                "Attribute",
                name=name,
                type=json.dumps(one.type).encode(),
                required=one.required,
                optional=one.optional,
                computed=one.computed,
                write_only=one.write_only,
            )
            for name, one in block.attributes.items()
        ],
        block_types=[
            message(
                "NestedBlock",
                type_name=name,
                block=_block(one.block),
                nesting=NESTING[one.nesting],
                min_items=one.at_least,
                max_items=one.at_most,
            )
            for name, one in block.blocks.items()
        ],
    )


@contextlib.contextmanager
def served(provider: Provider) -> Iterator[str]:
    """Serve it on loopback; the value for TF_REATTACH_PROVIDERS by which Terraform finds it."""
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            lambda request, context, call=call: call(request),
            request_deserializer=protocol.request_class(name).FromString,
            response_serializer=lambda reply: reply.SerializeToString(),
        )
        for name, call in provider.calls().items()
    }
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(protocol.SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    address = {"Network": "tcp", "String": f"127.0.0.1:{port}"}
    where = {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": os.getpid(), "Test": True, "Addr": address}
    try:
        yield json.dumps({"hashicorp/google": where})
    finally:
        server.stop(grace=None).wait()
