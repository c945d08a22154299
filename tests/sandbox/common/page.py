"""The page a person opens to see what a stand-in holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import render_template_string

TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
 :root { color-scheme: light dark }
 body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 76rem; padding: 1.5rem }
 h1 { font-size: 1.5rem; margin: 0 }
 h2 { font-size: 1.1rem; margin: 2rem 0 .4rem }
 p { margin: .3rem 0 }
 .scroll { overflow-x: auto }
 table { border-collapse: collapse; width: 100% }
 th, td { text-align: left; padding: .35rem .7rem; border-bottom: 1px solid #8886; vertical-align: top }
 th { border-bottom: 2px solid #888; white-space: nowrap }
 td.n { text-align: right; font-variant-numeric: tabular-nums }
</style>
</head>
<body>
<h1>{{ title }}</h1>
<p>{{ about }} Everything as JSON: <a href="/_sandbox/dump">/_sandbox/dump</a>.</p>
{% for section in sections %}
<h2 id="{{ section.title | lower | replace(' ', '-') }}">{{ section.title }} ({{ section.rows | length }})</h2>
{% if section.rows %}<div class="scroll"><table>
<thead><tr>{% for column in section.columns %}<th scope="col">{{ column }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in section.rows %}
<tr>{% for cell in row -%}
<td{% if cell is number %} class="n"{% endif %}>{{ "" if cell is none else cell }}</td>
{%- endfor %}</tr>{% endfor %}
</tbody></table></div>{% else %}<p>None yet.</p>{% endif %}
{% endfor %}
</body>
</html>
"""

SHOWN_CALLS = 50


@dataclass
class Section:
    """One table of the page."""

    title: str
    columns: list[str]
    rows: list[list[Any]] = field(default_factory=list)


def calls_section(calls: list[dict[str, Any]]) -> Section:
    """The latest writes received, newest first."""
    rows = [[call["n"], call["time"], call["method"], call["path"], call["status"] or "no answer", call["fault"]]
            for call in reversed(calls[-SHOWN_CALLS:])]
    return Section("Writes received", ["No.", "Time", "Method", "Path", "Answer", "Fault"], rows)


def render(title: str, about: str, sections: list[Section]) -> str:
    """The page's HTML; values are escaped by the template engine."""
    return render_template_string(TEMPLATE, title=title, about=about, sections=sections)
