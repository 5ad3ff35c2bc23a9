"""The page as HTML that loads nothing from elsewhere, and runs only the scripts that were put into it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import time
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ...search.files import write_atomically
from ...spaces import SweepError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from jinja2 import Template

    from ..text import SweepLine

SCRIPTS = ("dom", "state", "rows", "drawing", "table", "bar", "networks", "plots", "live", "main")
"""The page's scripts, in the order in which they are put together; they share one scope."""

PLAIN = 1_000_000
"""Characters of the content's JSON from which on it is packed: a page of 10,000 trials would have 18 MB otherwise."""


def page_html(content: Mapping[str, Any], *, home: str = "") -> str:
    """The page of what `page_content` gives, as one document of HTML.

    Its policy (Content-Security-Policy) names the hashes of its scripts: a script that got in with a sweep's texts
    would not run. It connects to nothing, and served to its own server alone.

    Args:
        content: what the page shows.
        home: address of the list of sweeps that it links to; "" for none, as in a file.
    """
    from markupsafe import Markup

    plotly, script, packed = _plotly(), _script(), pack(content)
    connect = "'self'" if content["live"] is not None else "'none'"
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data: blob:; style-src 'unsafe-inline'; "
        f"connect-src {connect}; script-src {_hash(plotly)} {_hash(script)}"
    )
    return _template("page.html").render(
        title=content["title"],
        home=home,
        version=version("convscape"),
        policy=policy,
        style=Markup(_static("style.css")),  # noqa: S704 - our own file
        content=Markup(packed),  # noqa: S704 - no "<" is left in it
        packing="application/json" if packed.startswith("{") else "application/gzip",
        plotly=Markup(plotly),  # noqa: S704 - Plotly's own
        script=Markup(script),  # noqa: S704 - our own files
    )


def list_html(lines: Sequence[SweepLine], place: str, problem: str = "") -> str:
    """The list of sweeps as HTML, without any script.

    Args:
        lines: each sweep in a line.
        place: where they are, in words.
        problem: what is to be said first, such as that a sweep is not there; "" for nothing.
    """
    from markupsafe import Markup

    def when(written: float | None) -> str:
        return "" if written is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(written))

    style = Markup(_static("style.css"))  # noqa: S704 - our own file
    return _template("list.html").render(lines=lines, folder=place, problem=problem, style=style, when=when)


def write_page(content: Mapping[str, Any], path: Path) -> None:
    """Writes the page as a file of its own.

    Args:
        content: what `page_content` gives.
        path: the file; an earlier one is replaced.

    Raises:
        SweepError: it cannot be written; says why.
    """
    try:
        write_atomically(path, page_html(content))
    except OSError as error:
        raise SweepError(f"{path} cannot be written: {error.strerror}", "Name another file.") from None


def pack(content: Mapping[str, Any]) -> str:
    """Values as text that can stand in a script element: JSON, or where that is long, gzip of it in base 64.

    Args:
        content: values that JSON can hold.
    """
    text = in_script(content)
    if len(text) < PLAIN:
        return text
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=6, mtime=0)).decode()


def in_script(content: Mapping[str, Any]) -> str:
    r"""Values as JSON that can stand in a script element of HTML: nothing in it can end the element.

    Args:
        content: values that JSON can hold.

    >>> in_script({"name": "</script>"})
    '{"name":"\\u003c/script>"}'
    """
    text = json.dumps(content, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    return text.replace("<", "\\u003c").replace("&", "\\u0026")


@cache
def _template(name: str) -> Template:
    from jinja2 import Environment, PackageLoader

    return Environment(loader=PackageLoader("convscape.dashboards.page", "."), autoescape=True).get_template(name)


@cache
def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return get_plotlyjs()


@cache
def _script() -> str:
    return "\n".join(_static(f"{name}.js") for name in SCRIPTS)


def _static(name: str) -> str:
    return files("convscape.dashboards.page").joinpath("static", name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
