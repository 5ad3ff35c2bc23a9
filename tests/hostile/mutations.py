"""Changes to bytes and to JSON values, by a seed: what a failing disk, an editor or a stranger does to a file."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 10**18, 10**400, 0.5, -0.0, 1e308, float("inf"), float("nan"), "", "x", "auto",
    "../x", "\x1b[2J", "é" * 300, [], [[]], {}, {"a": 1}, [None], [1, "x"],
)  # fmt: skip
"""Values that a reader may not have thought of."""
PIECES = (
    b"null",
    b"{}",
    b"[",
    b"]",
    b"}",
    b'"',
    b"\n",
    b"\0",
    b"\xff\xfe",
    b"1e999",
    b"-",
    b"*a",
    b"&a ",
    b"!!int ",
    b"->",
    b"]*9",
)
"""Bytes that mean something to one reader or another."""


def changed_bytes(content: bytes, random: Random) -> bytes:
    """The content with one to four bytes or lines changed, lost, doubled or put in."""
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(content) + 1)
        match random.randrange(7):
            case 0:
                content = content[:at] + bytes([random.randrange(256)]) + content[at + 1 :]
            case 1:
                content = content[:at] + content[at + random.randint(1, 9) :]
            case 2:
                content = content[:at] + random.choice(PIECES) + content[at:]
            case 3:
                content = content[:at]
            case 4:
                content = content[:at] + content[max(0, at - random.randint(1, 60)) :]
            case _:
                lines = content.splitlines(keepends=True) or [b""]
                one, other = random.randrange(len(lines)), random.randrange(len(lines))
                lines[one : one + 1] = random.choice([[], [lines[one]] * 2, [lines[other]]])
                content = b"".join(lines)
    return content


def changed_values(values: Any, random: Random) -> Any:
    """The values with one to three of them, at any depth, replaced by odd ones, renamed, removed or put elsewhere."""
    values = json.loads(json.dumps(values))
    for _ in range(random.randint(1, 3)):
        places = [(values, key) for key in _keys(values)]
        for holder, key in list(places):
            places += _within(holder[key])
        if not places:
            return deepcopy(random.choice(ODD))
        holder, key = random.choice(places)
        match random.randrange(4):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[random.choice(["x", "kind", f"{key}_"])] = holder.pop(key)
            case 2:
                other, where = random.choice(places)
                if where in _keys(other):
                    holder[key] = json.loads(json.dumps(other[where]))
            case _:
                holder[key] = deepcopy(random.choice(ODD))
    return values


def _keys(values: Any) -> list[Any]:
    return list(values) if isinstance(values, dict) else list(range(len(values))) if isinstance(values, list) else []


def _within(values: Any) -> list[tuple[Any, Any]]:
    found = [(values, key) for key in _keys(values)]
    return [place for holder, key in found for place in [(holder, key), *_within(holder[key])]]
