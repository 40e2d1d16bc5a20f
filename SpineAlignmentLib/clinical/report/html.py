"""The report as one self-contained page for the browser: no script, nothing loaded from elsewhere."""

import base64
from collections.abc import Sequence
from datetime import date
from html import escape
from typing import Final

from SpineAlignmentLib import SOFTWARE
from SpineAlignmentLib.clinical.report.content import (
    Row,
    Visit,
    change_text,
    cited,
    class_text,
    drawn_lines,
    in_short,
    inputs_text,
    key_text,
    not_computable,
    reading_value,
    target_text,
)
from SpineAlignmentLib.clinical.report.texts import ENGLISH, Texts
from SpineAlignmentLib.clinical.sources import SOURCES

_STYLE: Final[str] = """
body { font: 14px/1.35 system-ui, sans-serif; color: #111; background: #fff; margin: 1.5em auto; max-width: 1100px }
header { display: flex; justify-content: space-between; align-items: baseline; border-bottom: 1px solid #999 }
h1 { font-size: 1.4em; margin: 0 } h2 { font-size: 1.1em; margin: 1.2em 0 .3em }
.body { display: flex; gap: 1.5em; align-items: flex-start; margin-top: 1em }
.pictures { display: flex; gap: .5em; flex: 0 1 43% } figure { margin: 0 } img { width: 100% }
figcaption, .quiet { color: #555; font-size: .85em } .numbers { flex: 1 }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; padding: 2px 6px; border-bottom: 1px solid #ddd; vertical-align: middle }
th { border-color: #999 } tr.group td { font-weight: bold; padding-top: 8px }
.unusual { font-weight: bold } svg { display: block } .sign { margin-top: 3em }
section.report + section.report { break-before: page; margin-top: 3em }
@media print { body { margin: 0; max-width: none; font-size: 10px } .readings { break-before: page } }
"""
_BAR: Final[tuple[int, int]] = (150, 14)


def html_report(reports: Sequence[Sequence[Visit]], texts: Texts = ENGLISH, today: date | None = None) -> bytes:
    """Reports one after the other: each of one visit, or of two side by side, the earlier first.

    Args:
        reports: the visits of each.
        texts: the words.
        today: the report's date; None for today.
    """
    when = (today or date.today()).isoformat()
    body = "\n".join(_report(tuple(visits), texts, when) for visits in reports)
    page = (
        f'<!DOCTYPE html>\n<html lang="{escape(texts.language)}">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(texts.title)}</title>\n<style>{_STYLE}</style>\n{body}\n</html>\n"
    )
    return page.encode()


def _report(visits: tuple[Visit, ...], t: Texts, when: str) -> str:
    title = t.title if len(visits) == 1 else f"{t.title}: {t.comparison.lower()}"
    numbers = {key: i + 1 for i, key in enumerate(cited(visits))}
    sources = " ".join(f"[{i}] {escape(str(SOURCES[key]))}." for key, i in numbers.items())
    missing = "; ".join(f"{', '.join(keys)} ({t.term(why)})" for why, keys in not_computable(visits).items())
    gone = f"<p>{escape(t.not_computable)}: {escape(missing)}</p>" if missing else ""
    return f"""<section class="report">
<header><h1>{escape(title)}</h1><span>{escape(t.date)} {when}</span></header>
<p>{escape(t.name)}: {"_" * 50}</p>
<div class="body"><div class="pictures">{"".join(_picture(seen) for seen in visits)}</div>
<div class="numbers">{_parameters(visits, t)}{_facts(visits, t)}</div></div>
<div class="readings">{_further(visits, t)}<h2>{escape(t.readings)}</h2>{_readings(visits, t, numbers)}{gone}
<p class="quiet">{escape(t.sources)}: {sources}</p>
<p><strong>{escape(t.judgment)}</strong></p>
<p class="sign">{escape(t.signed)}: {"_" * 30} {escape(t.signature)}: {"_" * 30}</p>
<p class="quiet">{escape(SOFTWARE)}, {when}</p></div>
</section>"""


def _picture(seen: Visit) -> str:
    data = base64.b64encode(seen.picture).decode()
    name = escape(seen.film)
    # pictures of one height, so that their letters are of one size
    width, height = seen.picture_size
    image = f'<img alt="{name}" src="data:image/jpeg;base64,{data}">'
    return f'<figure style="flex: {width / height:.3f}"><figcaption>{name}</figcaption>{image}</figure>'


def _parameters(visits: tuple[Visit, ...], t: Texts) -> str:
    two = len(visits) > 1
    timed = not two and any(row.has_interval for row in visits[0].rows)
    heads = [t.parameter, *([t.first, t.second, t.difference] if two else [t.value])]
    heads += ([t.interval] if timed else []) + ([] if two else [t.usual]) + [""]
    lines = ["<tr>" + "".join(f"<th>{escape(head)}</th>" for head in heads) + "</tr>"]
    group = ""
    for of in zip(*(seen.rows for seen in visits), strict=True):
        if of[0].parameter.group != group:
            group = of[0].parameter.group
            lines.append(f'<tr class="group"><td colspan="{len(heads)}">{escape(t.groups[group])}</td></tr>')
        lines.append(f"<tr>{_row(of, timed, t)}</tr>")
    explained = [*([t.covered] if timed else []), t.bar_two if two else t.bar, t.marked]
    return f'<table>{"".join(lines)}</table><p class="quiet">{escape(" ".join(explained))}</p>'


def _row(of: tuple[Row, ...], timed: bool, t: Texts) -> str:
    parameter = of[0].parameter
    told = t.term(next((row.reason for row in of if row.reason), parameter.name))
    name = f'<td><b>{escape(key_text(of))}</b> <span class="quiet">{escape(told)}</span></td>'
    cells = [
        f'<td class="{"unusual" if row.unusual else ""}">{escape(row.text)}{" !" if row.unusual else ""}</td>'
        for row in of
    ]
    if len(of) > 1:
        cells.append(f"<td>{escape(change_text(of[0], of[1]))}</td>")
    else:
        cells += [f"<td>{escape(of[0].interval(t))}</td>"] if timed else []
        cells.append(f"<td>{escape(of[0].usual(t))}</td>")
    return name + "".join(cells) + f"<td>{_bar(of)}</td>"


def _bar(of: tuple[Row, ...]) -> str:
    usual = of[-1].norm
    if usual is None:
        return ""
    width, height = _BAR
    low, high = (width * (of[-1].place(end) or 0.0) for end in usual.usual)
    shapes = [
        f'<path d="M0 7H{width}" stroke="#999"/>',
        f'<rect x="{low:.1f}" y="3" width="{high - low:.1f}" height="8" fill="#d9d9d9"/>',
        f'<path d="M{width / 2} 3V11" stroke="#999"/>',
    ]
    for number, row in enumerate(of):
        place, ends = row.place(row.value), (row.place(row.low), row.place(row.high))
        if place is None:
            continue
        if len(of) == 1 and ends[0] is not None and ends[1] is not None:
            shapes.append(f'<path d="M{width * ends[0]:.1f} 7H{width * ends[1]:.1f}" stroke="#000" stroke-width="2"/>')
        fill = "#000" if number == len(of) - 1 else "#fff"
        center = min(max(place * width, 4.0), width - 4.0)
        shapes.append(f'<circle cx="{center:.1f}" cy="7" r="3.2" fill="{fill}" stroke="#000"/>')
    return f'<svg width="{width}" height="{height}">{"".join(shapes)}</svg>'


def _facts(visits: tuple[Visit, ...], t: Texts) -> str:
    lines = []
    for number, seen in enumerate(visits):
        if len(visits) > 1:
            lines.append(f"<b>{escape((t.first, t.second)[number])}</b>")
        lines += [f"{escape(label)}: {escape(text)}" for label, text in seen.facts]
        lines += [f"! {escape(warning)}" for warning in dict.fromkeys(seen.warnings)]
    return "<p>" + "<br>".join(lines) + "</p>"


def _further(visits: tuple[Visit, ...], t: Texts) -> str:
    lines = drawn_lines(visits, t)
    return f"<h2>{escape(t.further)}</h2><p>{'<br>'.join(escape(line) for line in lines)}</p>" if lines else ""


def _readings(visits: tuple[Visit, ...], t: Texts, numbers: dict[str, int]) -> str:
    two = len(visits) > 1
    heads = [t.reading, *([t.first, t.second] if two else [t.value, t.classed, t.target, t.computed_from]), ""]
    lines = ["<tr>" + "".join(f"<th>{escape(head)}</th>" for head in heads) + "</tr>"]
    for of in zip(*(seen.readings for seen in visits), strict=True):
        if any(reading.computable for reading in of):
            one = (reading_value(of[0], t), class_text(of[0], t), target_text(of[0]), inputs_text(of[0]))
            cells = [in_short(reading, t) for reading in of] if two else one
            texts = [t.term(of[0].name), *cells, f"[{numbers[of[0].source]}]"]
            lines.append("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in texts) + "</tr>")
    return f"<table>{''.join(lines)}</table>"
