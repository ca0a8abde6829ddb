"""What the comments of the chart's values.yaml say: the table of README.md and values.schema.json.

A value's comment stands directly above its key:

    # -- What the value is, for people. May go on
    # in further lines.
    # @schema {"minimum": 1}        joined with the type that the default has; or @schema NAME
    key: 4

`# @define NAME {…}` anywhere is a definition for @schema; {"$ref": "NAME"} uses it in JSON, which
may go on in further lines. Keys without `# --` hold other keys.
"""

import json
import re

import yaml

TYPES = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}


class Value:
    """One value: its path, default, default as written, what it is, and its schema."""

    def __init__(self, path, default, written, text, schema):
        self.path, self.default, self.written = path, default, written
        self.text, self.schema = text, schema


def read(text):
    """All values of a values.yaml in its order. ValueError names what has no comment."""
    lines = text.splitlines()
    definitions = {}
    for comment in re.findall(r"(?:^ *#.*\n)+", text, re.MULTILINE):
        for name, schema in _tags(comment.splitlines(), "define").items():
            definitions[name] = _resolve(schema, definitions)
    return list(_walk(yaml.compose(text), [], lines, definitions))


def _walk(mapping, path, lines, definitions):
    for key, node in mapping.value:
        here = path + [key.value]
        comment = _comment_above(lines, key.start_mark.line)
        text = " ".join(line for line in _prose(comment) if line)
        if text.startswith("--"):
            default = yaml.safe_load(yaml.serialize(node))
            written = lines[key.start_mark.line].partition(":")[2].strip()
            schema = _tags(comment, "schema").get("", {})
            yield Value(here, default, written, text[2:].strip(),
                        {"type": TYPES[type(default)], "description": text[2:].strip(),
                         **_resolve(schema, definitions)})
        elif isinstance(node, yaml.MappingNode) and node.value:
            yield from _walk(node, here, lines, definitions)
        else:
            raise ValueError(f"values.yaml: {'.'.join(here)} has no comment that begins with # --")


def _comment_above(lines, index):
    first = index
    while first > 0 and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return lines[first:index]


def _prose(comment):
    """The comment's lines up to its first tag."""
    for line in comment:
        content = line.strip().removeprefix("#").strip()
        if content.startswith("@"):
            return
        yield content


def _tags(comment, tag):
    """The JSON behind each `@tag NAME` of a comment, by name ("" without one)."""
    found = {}
    joined = "\n".join(line.strip().removeprefix("#").strip() for line in comment)
    for body in re.findall(rf"^@{tag} (.*?)(?=^@|\Z)", joined, re.MULTILINE | re.DOTALL):
        name, brace, rest = body.partition("{")
        if tag == "schema" and not brace:
            found[""] = {"$ref": name.strip()}
        else:
            found[name.strip()] = json.JSONDecoder().raw_decode(brace + rest)[0]
    return found


def _resolve(schema, definitions):
    """The schema with each {"$ref": NAME} replaced by its definition."""
    if isinstance(schema, list):
        return [_resolve(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    resolved = {key: _resolve(value, definitions) for key, value in schema.items()}
    reference = resolved.pop("$ref", None)
    return {**definitions[reference], **resolved} if reference else resolved


def table(values):
    """Markdown rows, one a value."""
    rows = ["| value | takes | default | what it is |", "|---|---|---|---|"]
    for value in values:
        default = f"`{value.written}`" if value.written else "see values.yaml"
        rows.append(f"| `{'.'.join(value.path)}` | {_takes(value.schema)} | {default} "
                    f"| {value.text} |")
    return "\n".join(rows)


def _takes(schema):
    if "enum" in schema:
        return " \\| ".join(f"`{word}`" for word in schema["enum"])
    if "minimum" in schema or "maximum" in schema:
        return f"{schema['type']} {schema.get('minimum', '')}..{schema.get('maximum', '')}"
    return schema["type"]


def schema_of(values):
    """The JSON schema. What has a default that is not empty must be there; nothing else may be."""
    root = _object({"$schema": "http://json-schema.org/draft-07/schema#",
                    "title": "Values of the committest chart. Written by manifests/render."})
    root["properties"]["global"] = {"type": "object",
                                    "description": "Helm gives it to every chart; not used."}
    for value in values:
        parent = root
        for name in value.path[:-1]:
            _require(parent, name)
            parent = parent["properties"].setdefault(name, _object({}))
        parent["properties"][value.path[-1]] = value.schema
        if value.default not in ("", [], {}):
            _require(parent, value.path[-1])
    return root


def _object(start):
    return {**start, "type": "object", "additionalProperties": False, "required": [],
            "properties": {}}


def _require(parent, name):
    if name not in parent["required"]:
        parent["required"].append(name)
