"""Lists that the book keeps in YAML, each entry checked against ``schemas.json``."""

import functools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

Kind = Literal["claim", "priority"]
KEYS: Mapping[Kind, str] = {"claim": "id", "priority": "experiment"}  # what tells entries apart


def read_list(path: Path, kind: Kind) -> Mapping[str, Mapping[str, Any]]:
    """Return the entries of a file by the key that tells them apart, in its order.

    Raises
    ------
    ValueError
        If the file is not a list of complete, distinct entries; the message names the entry.
    """
    return _entries(path.read_text(encoding="utf-8"), path, kind)


def check_entry(entry: Any, kind: Kind, where: str) -> str:
    """Return the name of an entry; ``ValueError`` naming it if its schema does not allow it."""
    import fastjsonschema

    name = entry.get(KEYS[kind]) if isinstance(entry, dict) else None
    place = f"{kind} {name!r}" if isinstance(name, str) else where
    try:
        _validator(kind)(entry, name_prefix=place)
    except fastjsonschema.JsonSchemaValueException as error:
        raise ValueError(f"{place}: {_reason(error, place)}") from error
    return str(name)


def _reason(error: Any, place: str) -> str:
    """Say what is wrong, naming the field, and the keys that are missing or known."""
    value, schema = error.value, error.definition
    if error.rule == "required":
        return f"missing keys {', '.join(key for key in schema['required'] if key not in value)}"
    if error.rule == "additionalProperties":
        known = schema["properties"]
        unknown = ", ".join(str(key) for key in value if key not in known)
        return f"unknown keys {unknown}; known keys: {', '.join(known)}"
    says = error.message.removeprefix(place).lstrip(". ")
    hint = f" ({schema['description']})" if "description" in schema else ""
    return f"{says}{hint}, got {value!r}"


@functools.cache
def _validator(kind: Kind) -> Callable[..., object]:
    import fastjsonschema

    schemas = json.loads(Path(__file__).with_name("schemas.json").read_text(encoding="utf-8"))
    compiled: Callable[..., object] = fastjsonschema.compile(schemas[kind])
    return compiled


@functools.lru_cache(maxsize=8)
def _entries(text: str, path: Path, kind: Kind) -> Mapping[str, Mapping[str, Any]]:
    """Parse a text once: whoever asks for one entry asks for all, and parsing takes a second."""
    import yaml

    try:
        entries = yaml.load(text, Loader=_unique_key_loader())
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not readable YAML: {error}") from error
    if not isinstance(entries, list):
        raise ValueError(f"{path} must hold a list (an empty one is '[]')")
    found: dict[str, Mapping[str, Any]] = {}
    for number, entry in enumerate(entries, start=1):
        name = check_entry(entry, kind, f"entry {number} of {path.name}")
        if name in found:
            raise ValueError(f"{kind} {name!r} occurs twice in {path}; keep one entry")
        found[name] = entry
    return found


def _unique_key_loader() -> Any:
    """Return a safe YAML loader that refuses a key that occurs twice."""
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            for key in keys:
                if keys.count(key) > 1:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key!r} occurs twice", node.start_mark
                    )
            return super().construct_mapping(node, deep)

    return Loader
