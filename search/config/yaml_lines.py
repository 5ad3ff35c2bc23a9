"""YAML read safely, with the line of every key, so that an error can say where it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from ...spaces import ConfigError


@dataclass(frozen=True, slots=True)
class Document:
    """A mapping read from YAML, and of each of its dotted keys the line on which it stands, counted from 1, and the
    text that stands there, where that is a single value.
    """

    values: dict[str, Any]
    lines: dict[str, int] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def line(self, key: str) -> int | None:
        """The line of `key`, or of the nearest parent that is written, counted from 1; None where there is none."""
        while key:
            if key in self.lines:
                return self.lines[key]
            key = key.rpartition("[" if key.endswith("]") else ".")[0]
        return None


LARGEST_NUMBER = 10**18
"""Bound on a whole number, positive or negative."""
LARGEST_DOCUMENT = 100_000
"""Bound on the values of a file once its aliases (`*name`) are written out."""


DEEPEST = 64
"""Bound on how deep lists and mappings lie in each other."""
LARGEST_TEXT = 100_000
"""Bound on the characters of a file, or of a value of `--set`: reading takes its time by the character."""
_CHOKES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError)
"""What PyYAML raises of scalars that it cannot make what their tags say."""


class _Loader(yaml.SafeLoader):
    """The safe loader, reading as YAML 1.2's core schema does, within the bounds above.

    YAML 1.1, which PyYAML reads, has 010 for 8, 1:30 for 90, `no` for false and 1e-3 for a text. Of it are left what
    nobody writes by mistake: 500_000, and `<<` that merges.
    """

    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None:
            _values(node, {})
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except _CHOKES:
            tag = str(node.tag).rpartition(":")[2]
            raise yaml.constructor.ConstructorError(
                problem=f"{node.value!s:.80} cannot be read as {tag:.80}", problem_mark=node.start_mark
            ) from None

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        digits = str(self.construct_scalar(node)).replace("_", "").lower()
        number = int(digits, 0 if digits.lstrip("+-").startswith(("0x", "0o")) else 10)
        if abs(number) > LARGEST_NUMBER:
            raise yaml.constructor.ConstructorError(
                problem=f"a number beyond {LARGEST_NUMBER:,} (LARGEST_NUMBER)", problem_mark=node.start_mark
            )
        return number


def _values(node: yaml.Node, known: dict[int, tuple[int, int]], depth: int = 0) -> tuple[int, int]:
    """How many values `node` comes to with its aliases written out, and how deep; 0 in `known` marks a node at hand."""
    deep = depth > DEEPEST
    if id(node) not in known and not deep:
        known[id(node)] = 0, 0
        parts = node.value if isinstance(node, yaml.CollectionNode) else []
        nodes = [part for pair in parts for part in pair] if isinstance(node, yaml.MappingNode) else parts
        inside = [_values(part, known, depth + 1) for part in nodes]
        known[id(node)] = 1 + sum(count for count, _ in inside), 1 + max((height for _, height in inside), default=-1)
    count, height = known.get(id(node), (1, 0))
    if deep or depth + height > DEEPEST:
        raise yaml.constructor.ConstructorError(
            problem=f"nested more than {DEEPEST} deep (DEEPEST)", problem_mark=node.start_mark
        )
    if not 0 < count <= LARGEST_DOCUMENT:
        problem = f"more than {LARGEST_DOCUMENT:,} values (LARGEST_DOCUMENT)" if count else "holds itself"
        raise yaml.constructor.ConstructorError(problem=problem, problem_mark=node.start_mark)
    return count, height


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
for _tag, _form, _first in (
    ("null", "~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", "true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", "[-+]?[0-9][0-9_]*|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    ("merge", "<<", ["<"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_form})\\Z"), _first)


def parse_yaml(text: str, source: str) -> Document:
    """The mapping that a YAML text holds, with the line of every key.

    Args:
        text: the YAML.
        source: names the text in errors, as a file's path does.

    Raises:
        ConfigError: not YAML, a key twice, not a mapping at the top, or beyond LARGEST_NUMBER or LARGEST_DOCUMENT; says
            the line where there is one.
    """
    if len(text) > LARGEST_TEXT:
        raise ConfigError(f"{source}: more than {LARGEST_TEXT:,} characters (LARGEST_TEXT)", "Name files instead.")
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        where = f"{source}:{text.count(chr(10), 0, error.position) + 1}"
        raise ConfigError(f"{where}: a character YAML does not allow: U+{ord(text[error.position]):04X}") from None
    try:
        node = loader.get_single_node()
        lines: dict[str, int] = {}
        texts: dict[str, str] = {}
        _note_lines(node, "", lines, texts, source)
        values = loader.construct_document(node) if node is not None else {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{source}:{mark.line + 1}: column {mark.column + 1}" if mark else source
        raise ConfigError(f"{where}: {error.problem or error.context}", "Mend the YAML there.") from None
    except (yaml.YAMLError, *_CHOKES) as error:
        raise ConfigError(f"{source}: not readable as YAML: {error!s:.200}") from None
    finally:
        loader.dispose()
    if not isinstance(values, dict):
        raise ConfigError(f"{source}: a sweep file is a mapping, not {type(values).__name__}", "Begin with `name: …`.")
    return Document(_written_out(values), lines, texts)


def _written_out(value: Any) -> Any:
    """A copy in which what an alias stands for is a value of its own: a change of one is none of the other."""
    if isinstance(value, dict):
        return {key: _written_out(each) for key, each in value.items()}
    return [_written_out(each) for each in value] if isinstance(value, list) else value


def parse_value(text: str) -> Any:
    """One value as it would be read in a YAML file: "3", "[3, 5]", "true"; the text itself where it is no YAML."""
    if len(text) > LARGEST_TEXT:
        raise ConfigError(
            f"--set: a value of more than {LARGEST_TEXT:,} characters (LARGEST_TEXT)", "Write it into the file."
        )
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        _note_lines(node, "", {}, {}, "--set")
        return _written_out(loader.construct_document(node)) if node is not None else None
    except (yaml.YAMLError, *_CHOKES):
        return text


def _note_lines(node: yaml.Node | None, prefix: str, lines: dict[str, int], texts: dict[str, str], source: str) -> None:
    if isinstance(node, yaml.ScalarNode):
        texts[prefix.removesuffix(".")] = node.value
    if isinstance(node, yaml.SequenceNode):
        for index, each in enumerate(node.value):
            lines[place := f"{prefix.removesuffix('.')}[{index}]"] = each.start_mark.line + 1
            _note_lines(each, f"{place}.", lines, texts, source)
    if not isinstance(node, yaml.MappingNode):
        return
    for key, item in node.value:
        path = f"{prefix}{key.value}"
        if path in lines:
            raise ConfigError(
                f"{source}:{key.start_mark.line + 1}: {path}: written twice, first on line {lines[path]}",
                "Keep one of them.",
            )
        lines[path] = key.start_mark.line + 1
        _note_lines(item, f"{path}.", lines, texts, source)
