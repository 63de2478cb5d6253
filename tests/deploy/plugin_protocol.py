"""Terraform's plugin protocol 6 as far as a provider of resources needs it, built without generated code.

Names of messages never travel, numbers of fields do: those below are from the protocol's own definition
(https://github.com/hashicorp/terraform/blob/main/docs/plugin-protocol/tfplugin6.8.proto). Fields that are not named
here are skipped by both sides, as protobuf wants it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgpack
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

__all__ = ["SERVICE", "UNKNOWN", "Unknown", "decoded", "encoded", "message", "reply_class", "request_class"]

SERVICE = "tfplugin6.Provider"

FIELDS: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "Empty": {},
    "DynamicValue": {"msgpack": (1, "bytes"), "json": (2, "bytes")},
    "RawState": {"json": (1, "bytes")},
    "Step": {"attribute_name": (1, "string")},
    "AttributePath": {"steps": (1, "repeated Step")},
    "Diagnostic": {"severity": (1, "int32"), "summary": (2, "string"), "detail": (3, "string")},
    "Attribute": {
        "name": (1, "string"),
        "type": (2, "bytes"),
        "required": (4, "bool"),
        "optional": (5, "bool"),
        "computed": (6, "bool"),
        "write_only": (11, "bool"),
    },
    "NestedBlock": {
        "type_name": (1, "string"),
        "block": (2, "Block"),
        "nesting": (3, "int32"),
        "min_items": (4, "int64"),
        "max_items": (5, "int64"),
    },
    "Block": {"attributes": (2, "repeated Attribute"), "block_types": (3, "repeated NestedBlock")},
    "Schema": {"version": (1, "int64"), "block": (2, "Block")},
    "SchemaEntry": {"key": (1, "string"), "value": (2, "Schema")},  # a map is a list of entries
    "GetProviderSchemaReply": {
        "provider": (1, "Schema"),
        "resource_schemas": (2, "repeated SchemaEntry"),
        "data_source_schemas": (3, "repeated SchemaEntry"),
    },
    "ValidateReply": {"diagnostics": (1, "repeated Diagnostic")},
    "UpgradeResourceStateRequest": {"type_name": (1, "string"), "raw_state": (3, "RawState")},
    "UpgradeResourceStateReply": {"upgraded_state": (1, "DynamicValue")},
    "ReadResourceRequest": {"type_name": (1, "string"), "current_state": (2, "DynamicValue")},
    "ReadResourceReply": {"new_state": (1, "DynamicValue")},
    "PlanResourceChangeRequest": {
        "type_name": (1, "string"),
        "prior_state": (2, "DynamicValue"),
        "proposed_new_state": (3, "DynamicValue"),
        "config": (4, "DynamicValue"),
    },
    "PlanResourceChangeReply": {
        "planned_state": (1, "DynamicValue"),
        "requires_replace": (2, "repeated AttributePath"),
        "diagnostics": (4, "repeated Diagnostic"),
    },
    "ApplyResourceChangeRequest": {
        "type_name": (1, "string"),
        "prior_state": (2, "DynamicValue"),
        "planned_state": (3, "DynamicValue"),
        "config": (4, "DynamicValue"),
    },
    "ApplyResourceChangeReply": {"new_state": (1, "DynamicValue"), "diagnostics": (3, "repeated Diagnostic")},
    "ReadDataSourceRequest": {"type_name": (1, "string"), "config": (2, "DynamicValue")},
    "ReadDataSourceReply": {"state": (1, "DynamicValue")},
}

PLAIN = {
    "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
    "bytes": descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
    "bool": descriptor_pb2.FieldDescriptorProto.TYPE_BOOL,
    "int32": descriptor_pb2.FieldDescriptorProto.TYPE_INT32,
    "int64": descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
}


class Unknown:
    """A value that is known after apply."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


def _pool() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(name="plugin.proto", package="plugin", syntax="proto3")
    for name, fields in FIELDS.items():
        added = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            _add_field(added, field, number, kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def _add_field(added: descriptor_pb2.DescriptorProto, name: str, number: int, kind: str) -> None:
    base = kind.removeprefix("repeated ")
    proto = descriptor_pb2.FieldDescriptorProto
    field = added.field.add(
        name=name, number=number, label=proto.LABEL_REPEATED if base != kind else proto.LABEL_OPTIONAL
    )
    if base in PLAIN:
        field.type = PLAIN[base]
    else:
        field.type, field.type_name = proto.TYPE_MESSAGE, f".plugin.{base}"


POOL = _pool()
CLASSES = {name: message_factory.GetMessageClass(POOL.FindMessageTypeByName(f"plugin.{name}")) for name in FIELDS}


def message(name: str, /, **fields: Any) -> Any:
    """A message of the protocol."""
    return CLASSES[name](**fields)


def request_class(call: str) -> Any:
    """The class of a call's request; requests that nothing is read of are empty."""
    return CLASSES.get(f"{call}Request", CLASSES["Empty"])


def reply_class(call: str) -> Any:
    """The class of a call's reply; where a call has none of its own it can do nothing but say what is wrong."""
    return CLASSES.get(f"{call}Reply", CLASSES["ValidateReply"])


def encoded(value: Any) -> Any:
    """A value as Terraform takes it."""
    return message("DynamicValue", msgpack=msgpack.packb(value, default=_as_unknown))


def decoded(value: Any) -> Any:
    """A value that Terraform sent; what it does not know yet is `UNKNOWN`."""
    if not value.msgpack:
        return None
    return msgpack.unpackb(value.msgpack, strict_map_key=False, ext_hook=lambda code, data: UNKNOWN)


def _as_unknown(value: object) -> msgpack.ExtType:
    if not isinstance(value, Unknown):
        raise TypeError(f"value for Terraform: expected plain data, got {type(value).__name__}")
    return msgpack.ExtType(0, b"\0")
