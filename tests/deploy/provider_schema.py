"""Reads a resource's schema out of its generated JavaScript bindings.

The generator writes a class for each block. Before each argument stands a comment (`// name - computed: …, optional: …,
required: …`), and the member after it tells the type: a getter's name, or the class of the block inside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Literal

from tests.deploy.bindings import modules

__all__ = ["Attribute", "Block", "Nested", "Schema", "Type", "schema"]

Type = str | list["Type"] | dict[str, "Type"]
Nesting = Literal["single", "list", "set"]


@dataclass(frozen=True)
class Attribute:
    """An argument or what the provider computes. type: as Terraform writes types in JSON."""

    type: Type
    required: bool = False
    optional: bool = False
    computed: bool = False
    write_only: bool = False


@dataclass(frozen=True)
class Nested:
    """A block inside a block. at_most 0: any number."""

    block: Block
    nesting: Nesting
    at_least: int = 0
    at_most: int = 0


@dataclass(frozen=True)
class Block:
    """What stands between braces."""

    attributes: dict[str, Attribute] = field(default_factory=dict)
    blocks: dict[str, Nested] = field(default_factory=dict)


@dataclass(frozen=True)
class Schema:
    """A provider's schema, or the part of it that was asked for."""

    provider: Block
    resources: Mapping[str, Block]
    data_sources: Mapping[str, Block]


MEMBER = re.compile(r"^    // (\w+) - computed: (\w+), optional: (\w+), required: (\w+)$", re.MULTILINE)
CLASS = re.compile(r"^class (\w+) extends cdktn\.(\w+)", re.MULTILINE)
INNER = re.compile(r"= new (?:cdktn\.)?(\w+)\(this, \"\w+\"(?:, (true|false))?\)")
GETTER = re.compile(r"this\.get(\w+)Attribute\(")
SIMPLE = re.compile(
    r"^            (\w+): \{\n\s+value: .*\n\s+isBlock: false,\n\s+type: \"simple\",\n\s+storageClassType: \"(\w+)\"",
    re.MULTILINE,
)
PLAIN: Mapping[str, Type] = {"String": "string", "Number": "number", "Boolean": "bool"}


def schema(resources: frozenset[str], data_sources: frozenset[str]) -> Schema:
    """The schema of these resources and data sources of google. Raises `BindingsMissing`."""
    paths = {_path(name): name for name in resources} | {_data_path(name): name for name in data_sources}
    sources = modules(frozenset(paths) | {"provider"})
    return Schema(
        provider=_of_the_provider(sources["provider"]),
        resources={name: _Bindings(sources[_path(name)]).top() for name in resources},
        data_sources={name: _Bindings(sources[_data_path(name)]).top() for name in data_sources},
    )


def _path(name: str) -> str:
    return name.removeprefix("google_").replace("_", "-")


def _data_path(name: str) -> str:
    return f"data-{name.replace('_', '-')}"


def _of_the_provider(source: str) -> Block:
    """Only its plain settings: nothing else of them is used here."""
    kinds = {"string": "string", "number": "number", "boolean": "bool"}
    found = {name: kinds[kind] for name, kind in SIMPLE.findall(source) if kind in kinds and name != "alias"}
    return Block({name: Attribute(kind, optional=True) for name, kind in found.items()})


class _Bindings:
    """One module: its classes by name, with the library's class that each is made from."""

    def __init__(self, source: str) -> None:
        self._classes = {match[1]: (match[2], body) for match, body in _sections(CLASS, source)}

    def top(self) -> Block:
        kinds = ("TerraformResource", "TerraformDataSource")
        return next(self._block(body) for base, body in self._classes.values() if base in kinds)

    def _block(self, body: str) -> Block:
        block = Block()
        for match, code in _sections(MEMBER, body):
            name, computed, optional, required = match[1], *(word == "true" for word in match.groups()[1:])
            inner = INNER.search(code)
            if inner and inner[1] in self._classes:
                self._add_nested(block, name, inner, output=computed and not optional, required=required)
            else:
                kind = _map_type(inner[1]) if inner else _type(name, code)
                block.attributes[name] = Attribute(
                    kind, required, optional, computed and not required, "Write-only:" in code.partition("get ")[0]
                )
        return block

    def _add_nested(self, block: Block, name: str, inner: re.Match[str], *, output: bool, required: bool) -> None:
        base, body = self._classes[inner[1]]
        many = base == "ComplexList"
        element = self._element(body) if many else body
        nested = self._block(element)
        sets = inner[2] == "true"
        if output:  # what only the provider fills in is no block, but an attribute
            block.attributes[name] = Attribute(["set" if sets else "list", _object(nested)], computed=True)
        elif not many and "super(terraformResource, terraformAttribute, false);" in body:
            block.blocks[name] = Nested(nested, "single")
        else:
            block.blocks[name] = Nested(nested, "set" if sets else "list", int(required), 0 if many else 1)

    def _element(self, body: str) -> str:
        match = re.search(r"return new (\w+)\(", body)
        assert match is not None
        return self._classes[match[1]][1]


def _sections(pattern: re.Pattern[str], text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Each match with the text from its end to the next one."""
    found = list(pattern.finditer(text))
    for match, following in zip_longest(found, found[1:]):
        yield match, text[match.end() : following.start() if following else len(text)]


def _object(block: Block) -> Type:
    plain: dict[str, Type] = {name: attribute.type for name, attribute in block.attributes.items()}
    return ["object", plain | {name: ["list", _object(nested.block)] for name, nested in block.blocks.items()}]


def _map_type(library_class: str) -> Type:
    return ["map", PLAIN[library_class.removesuffix("Map")]]


def _type(name: str, code: str) -> Type:
    getter = GETTER.search(code)
    if getter is None:
        raise ValueError(f"{name}: expected a getter that tells its type, got none; the generator has changed")
    kind = getter[1]
    if kind in PLAIN:
        return PLAIN[kind]
    if kind.endswith("Map"):
        return ["map", PLAIN[kind.removesuffix("Map")]]
    return ["set" if "Fn.tolist(" in code else "list", PLAIN[kind.removesuffix("List") or "String"]]
