"""The page of an inspection: one HTML file that needs no other."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from jinja2 import Environment

from ...spaces import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .result import Drawing

PAGE = "index.html"
TEMPLATE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>Inside {{ name }}</title>
<style>
  :root { color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --soft: #59636e; --line: #d8dee4; --mark: #b35900; }
  @media (prefers-color-scheme: dark) {
    :root { --paper: #14171b; --ink: #e6e9ec; --soft: #9aa4af; --line: #333b44; --mark: #f0a35e; }
  }
  body { margin: 0 auto; max-width: 64rem; padding: 1.5rem; background: var(--paper); color: var(--ink);
         font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
  h1 { font-size: 1.6rem; margin: 0 0 .5rem; }
  h2 { font-size: 1.15rem; margin: 0 0 .25rem; }
  code, .soft { color: var(--soft); }
  code { font-size: .85rem; }
  nav { columns: 20rem; margin: 1rem 0 2rem; }
  nav a { display: block; color: inherit; }
  section { border-top: 1px solid var(--line); padding: 1.25rem 0; break-inside: avoid; }
  img { display: block; max-width: 100%; height: auto; margin: .75rem 0; padding: .5rem; background: #fff;
        box-sizing: border-box; border-radius: 4px; }
  p { margin: .25rem 0; max-width: 48rem; }
  .alarming { color: var(--mark); }
</style>
</head>
<body>
<h1>Inside {{ name }}</h1>
<p><code>{{ notation }}</code></p>
{% if images %}<p>Looked at with {{ images }}. {{ note }}</p>{% endif %}
{% if skipped %}<p>{{ skipped | length }} could not be read, the first: {{ skipped[0] }}.</p>{% endif %}
<nav>
{%- for each in pictures %}
<a href="#p{{ loop.index }}">{{ each.title }}</a>
{%- endfor %}
</nav>
{%- for each in pictures %}
<section id="p{{ loop.index }}">
<h2>{{ each.title }}</h2>
<p>{{ each.shows }}</p>
<img src="data:image/png;base64,{{ each.data }}" alt="{{ each.title }}">
{% if each.found %}<p><b>Here:</b> {{ each.found }}</p>{% endif %}
<p><b class="alarming">Would be alarming:</b> {{ each.alarming }}</p>
<p class="soft">{{ each.file }}</p>
</section>
{%- endfor %}
{%- if omitted %}
<section>
<h2>Left out</h2>
{%- for each in omitted %}
<p><b>{{ each.title }}:</b> {{ each.why }}</p>
{%- endfor %}
</section>
{%- endif %}
</body>
</html>
"""


def page(values: dict[str, Any], notation: str, drawings: Sequence[Drawing]) -> str:
    """The page as HTML, its pictures within it; names of classes and files are shown as text, whatever they hold.

    Args:
        values: of `Inspection.to_json`.
        notation: of the network.
        drawings: the pictures, in their order.
    """
    pictures = [
        {**told, "data": b64encode(drawing.png).decode()}
        for told, drawing in zip(values["pictures"], drawings, strict=True)
    ]
    environment = Environment(
        autoescape=True, finalize=lambda value: printable(value) if isinstance(value, str) else value
    )
    return environment.from_string(TEMPLATE).render(**{**values, "pictures": pictures}, notation=notation)
