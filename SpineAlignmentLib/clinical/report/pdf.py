"""The report as PDF, by ReportLab: no browser needed, a permissive license, fonts for Latin and East Asian names.

Readable in gray print: nothing is told by color alone. One film takes two pages, on A4 and Letter.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any, Final
from xml.sax.saxutils import escape

from SpineAlignmentLib import SOFTWARE
from SpineAlignmentLib.clinical.readings import Reading
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
    shortened,
    target_text,
)
from SpineAlignmentLib.clinical.report.texts import ENGLISH, Texts
from SpineAlignmentLib.clinical.sources import SOURCES
from SpineAlignmentLib.errors import ResultError

MM: Final[float] = 72 / 25.4
PAPERS: Final[dict[str, tuple[float, float]]] = {"a4": (210 * MM, 297 * MM), "letter": (215.9 * MM, 279.4 * MM)}
_MARGIN: Final[float] = 14 * MM
_GAP: Final[float] = 5 * MM
_EAST_ASIAN: Final[str] = "STSong-Light"
"""A font that PDF readers bring along (Adobe's Asian font packs); for what Latin fonts cannot show."""
_LINE, _BAND, _QUIET = "#9a9a9a", "#d9d9d9", "#555555"

Flowables = list[Any]
Pages = Sequence[Sequence[Visit]]


def pdf_report(pages: Pages, paper: str = "a4", texts: Texts = ENGLISH, today: date | None = None) -> bytes:
    """Reports one after the other: each of one visit, or of two side by side, the earlier first.

    Args:
        pages: the visits of each report.
        paper: a key of `PAPERS`.
        texts: the words.
        today: the report's date; None for today.

    Raises:
        ResultError: ReportLab is not installed.
    """
    require_reportlab()
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont

    pdfmetrics.registerFont(UnicodeCIDFont(_EAST_ASIAN))
    when = (today or date.today()).isoformat()
    with _binary_streams():
        return _built(pages, paper, texts, when)


def require_reportlab() -> None:
    """Check that the library that writes PDF files is there.

    Raises:
        ResultError: says how to install it.
    """
    try:
        import reportlab  # noqa: F401
    except ImportError as error:
        raise ResultError("a PDF needs ReportLab: pip install 'spine-alignment[report]'") from error


@contextmanager
def _binary_streams() -> Iterator[None]:
    """Let ReportLab write pictures as they are: its default, letters, takes a quarter more room and much time."""
    from reportlab import rl_config

    before, rl_config.useA85 = rl_config.useA85, 0
    try:
        yield
    finally:
        rl_config.useA85 = before


def _built(pages: Pages, paper: str, texts: Texts, when: str) -> bytes:
    from reportlab.platypus import BaseDocTemplate, Frame, PageBreak, PageTemplate

    width, height = PAPERS[paper]
    stream = io.BytesIO()
    told = {"title": texts.title, "author": SOFTWARE, "creator": SOFTWARE, "lang": texts.language}
    document = BaseDocTemplate(stream, pagesize=(width, height), **told)
    story: Flowables = []
    for visits in pages:
        story += [PageBreak()] if story else []
        story += _Report(tuple(visits), texts, width - 2 * _MARGIN, height - 2 * _MARGIN, when).story()

    def footer(canvas: Any, count: int) -> None:
        canvas.setFont("Helvetica", 7)
        canvas.setFillColor(_QUIET)
        canvas.drawString(_MARGIN, 8 * MM, f"{SOFTWARE}, {when}")
        number = texts.page.format(page=canvas.getPageNumber(), pages=count)
        canvas.drawRightString(width - _MARGIN, 8 * MM, number)

    edges = {f"{side}Padding": 0 for side in ("left", "right", "top", "bottom")}
    frame = Frame(_MARGIN, _MARGIN, width - 2 * _MARGIN, height - 2 * _MARGIN, **edges)
    document.addPageTemplates(PageTemplate(frames=[frame]))
    document.build(story, canvasmaker=_canvas(footer))
    return stream.getvalue()


def _canvas(footer: Callable[[Any, int], None]) -> Any:
    """A canvas that writes footers when all pages are there, since each says how many there are."""
    from reportlab.pdfgen.canvas import Canvas

    class Counted(Canvas):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._kept: list[dict[str, Any]] = []

        def showPage(self) -> None:
            self._kept.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for page in self._kept:
                self.__dict__.update(page)
                footer(self, len(self._kept))
                super().showPage()
            super().save()

    return Counted


def _style(size: float, **options: Any) -> Any:
    from reportlab.lib.styles import ParagraphStyle

    return ParagraphStyle("text", fontName="Helvetica", fontSize=size, leading=1.18 * size, **options)


def _text(text: str, size: float = 7.5, bold: bool = False, **options: Any) -> Any:
    """A paragraph of plain text."""
    from reportlab.platypus import Paragraph

    marked = "".join(_shown(letter) for letter in text)
    return Paragraph(f"<b>{marked}</b>" if bold else marked, _style(size, **options))


def _shown(letter: str) -> str:
    """A letter as markup, in a font that has it."""
    try:
        letter.encode("cp1252")
    except UnicodeEncodeError:
        return f'<font name="{_EAST_ASIAN}">{escape(letter)}</font>'
    return escape(letter)


def _table(rows: Sequence[Sequence[Any]], widths: Sequence[float], *commands: tuple[Any, ...]) -> Any:
    from reportlab.platypus import Table

    plain = [
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
        ("TOPPADDING", (0, 0), (-1, -1), 0.9),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1.3),
    ]
    return Table(rows, colWidths=widths, style=[*plain, *commands], repeatRows=1 if len(rows) > 3 else 0)


class _Report:
    """One film, or two visits."""

    def __init__(self, visits: tuple[Visit, ...], texts: Texts, width: float, height: float, when: str) -> None:
        self._visits = visits
        self._texts = texts
        self._width = width
        self._height = height
        self._when = when

    def story(self) -> Flowables:
        from reportlab.platypus import PageBreak, Spacer

        share = 0.43 if len(self._visits) == 1 else 0.47
        left = share * self._width
        right = self._width - left - _GAP
        columns = [[self._pictures(left), "", [*self._parameters(right), Spacer(1, 3 * MM), *self._facts(right)]]]
        edge = [(f"{side}PADDING", (0, 0), (-1, -1), 0) for side in ("LEFT", "RIGHT", "TOP", "BOTTOM")]
        body = _table(columns, (left, _GAP, right), ("VALIGN", (0, 0), (-1, -1), "TOP"), *edge)
        return [*self._head(), body, PageBreak(), *self._head(), *self._second_page()]

    def _head(self) -> Flowables:
        from reportlab.platypus import HRFlowable, Spacer

        t = self._texts
        title = t.title if len(self._visits) == 1 else f"{t.title}: {t.comparison.lower()}"
        line = HRFlowable(width="100%", thickness=0.6, color=_LINE, spaceBefore=2, spaceAfter=4)
        row = [[_text(title, 13, bold=True), _text(f"{t.date} {self._when}", 8, alignment=2)]]
        named = _text(f"{t.name}: {'_' * 60}", 8)
        return [_table(row, (0.7 * self._width, 0.3 * self._width)), line, named, Spacer(1, 3 * MM)]

    def _pictures(self, width: float) -> Any:
        from reportlab.platypus import Image

        gap = 1.5 * MM
        room = width - gap * (len(self._visits) - 1)
        # pictures of one height, so that their letters are of one size
        shapes = [seen.picture_size[0] / seen.picture_size[1] for seen in self._visits]
        height = min(room / sum(shapes), self._height - 34 * MM)
        images = [
            Image(io.BytesIO(seen.picture), shape * height, height, hAlign="LEFT")
            for seen, shape in zip(self._visits, shapes, strict=True)
        ]
        titles = [_text(shortened(seen.film, 40), 6.5, textColor=_QUIET) for seen in self._visits]
        widths = [shape * height + gap for shape in shapes]
        table = _table([titles, images], widths, ("RIGHTPADDING", (0, 0), (-1, -1), 0))
        table.hAlign = "LEFT"
        return table

    def _parameters(self, width: float) -> Flowables:
        """The table of parameters with their bars."""
        t = self._texts
        two = len(self._visits) > 1
        timed = any(row.has_interval for seen in self._visits for row in seen.rows) and not two
        heads = [t.parameter, *([t.first, t.second, t.difference] if two else [t.value])]
        shares = [0.29, 0.18, 0.18, 0.15, 0.20] if two else [0.38, 0.16, 0.18, 0.28]
        if timed:
            heads, shares = [*heads, t.interval], [0.27, 0.19, 0.18, 0.15, 0.21]
        heads += [""] if two else [t.usual, ""]
        widths = [share * width for share in shares]
        rows: list[list[Any]] = [[_text(head, 7, bold=True) for head in heads]]
        lines: list[tuple[Any, ...]] = [("LINEBELOW", (0, 0), (-1, 0), 0.5, _LINE)]
        group = ""
        for of in zip(*(seen.rows for seen in self._visits), strict=True):
            if of[0].parameter.group != group:
                group = of[0].parameter.group
                lines += [("SPAN", (0, len(rows)), (-1, len(rows))), ("TOPPADDING", (0, len(rows)), (-1, len(rows)), 3)]
                rows.append([_text(t.groups[group], 7.5, bold=True), *[""] * (len(heads) - 1)])
            lines.append(("LINEBELOW", (0, len(rows)), (-1, len(rows)), 0.25, _BAND))
            rows.append(self._row(of, timed, widths[-1]))
        words = [*([t.covered] if timed else []), t.bar_two if two else t.bar, t.marked]
        return [_table(rows, widths, *lines), *(_text(said, 6.5, textColor=_QUIET) for said in words)]

    def _row(self, of: tuple[Row, ...], timed: bool, bar_width: float) -> list[Any]:
        parameter = of[0].parameter
        name = self._texts.term(next((row.reason for row in of if row.reason), parameter.name))
        cells: list[Any] = [[_text(key_text(of), 8, bold=True), _text(name, 6, textColor=_QUIET)]]
        cells += [_text(f"{r.text} !" if r.unusual else r.text, 8, bold=r.unusual) for r in of]
        if len(of) > 1:
            cells.append(_text(change_text(of[0], of[1]), 8))
        else:
            cells += [_text(of[0].interval(self._texts), 7)] if timed else []
            cells.append(_text(of[0].usual(self._texts), 7))
        return [*cells, _bar(of, bar_width - 4, 11)]

    def _facts(self, width: float) -> Flowables:
        lines = []
        for number, seen in enumerate(self._visits):
            if len(self._visits) > 1:
                lines.append(_text((self._texts.first, self._texts.second)[number], 7, bold=True))
            lines += [_text(f"{label}: {shortened(text)}", 7) for label, text in seen.facts]
            lines += [_text(f"! {shortened(seen.doubt, 160)}", 7, bold=True)] if seen.doubt else []
            # the number of warnings is not bounded, and the first page's columns cannot run over
            count = len(set(seen.warnings))
            lines += [_text(self._texts.warned.format(count=count), 7, bold=True)] if count else []
        return [_table([[line] for line in lines], [width])]

    def _second_page(self) -> Flowables:
        from reportlab.platypus import KeepTogether, Spacer

        t = self._texts
        numbers = {key: i + 1 for i, key in enumerate(cited(self._visits))}
        missing = "; ".join(f"{', '.join(keys)} ({t.term(why)})" for why, keys in not_computable(self._visits).items())
        sources = "  ".join(f"[{i}] {SOURCES[key]}." for key, i in numbers.items())
        end: Flowables = [
            _text(f"{t.sources}: {sources}", 6.3, textColor=_QUIET),
            Spacer(1, 3 * MM),
            _text(t.judgment, 8, bold=True),
            Spacer(1, 9 * MM),
            _text(f"{t.signed}: {'_' * 40}     {t.signature}: {'_' * 40}", 8),
        ]
        warned = dict.fromkeys(warning for seen in self._visits for warning in seen.warnings)
        told = [_text(t.warnings, 10, bold=True), *(_text(f"! {one}", 7.5) for one in warned), Spacer(1, 3 * MM)]
        gone = [_text(f"{t.not_computable}: {missing}", 7), Spacer(1, 2 * MM)] if missing else []
        table = [_text(t.readings, 10, bold=True), self._readings(numbers), Spacer(1, 2 * MM)]
        lines = drawn_lines(self._visits, t)
        further = [_text(t.further, 10, bold=True), *(_text(line, 7.5) for line in lines), Spacer(1, 3 * MM)]
        return [*(told if warned else []), *(further if lines else []), *table, *gone, KeepTogether(end)]

    def _readings(self, numbers: dict[str, int]) -> Any:
        t = self._texts
        two = len(self._visits) > 1
        heads = [t.reading, *([t.first, t.second] if two else [t.value, t.classed, t.target, t.computed_from]), ""]
        shares = [0.36, 0.3, 0.3, 0.04] if two else [0.27, 0.13, 0.24, 0.09, 0.23, 0.04]
        rows = [[_text(head, 7, bold=True) for head in heads]]
        for of in zip(*(seen.readings for seen in self._visits), strict=True):
            if not any(reading.computable for reading in of):
                continue
            name = _text(t.term(of[0].name), 7)
            cells = [_text(in_short(r, t), 7) for r in of] if two else self._cells(of[0])
            rows.append([name, *cells, _text(f"[{numbers[of[0].source]}]", 6.3, textColor=_QUIET)])
        return _table(
            rows,
            [share * self._width for share in shares],
            ("LINEBELOW", (0, 0), (-1, 0), 0.5, _LINE),
            ("LINEBELOW", (0, 1), (-1, -1), 0.25, _BAND),
        )

    def _cells(self, reading: Reading) -> list[Any]:
        t = self._texts
        texts = (reading_value(reading, t), class_text(reading, t), target_text(reading), inputs_text(reading))
        return [_text(text, 7) for text in texts]


def _bar(of: tuple[Row, ...], width: float, height: float) -> Any:
    """Usual range, mean, interval and value of one visit, or the values of two."""
    from reportlab.graphics.shapes import Circle, Drawing, Line, Rect
    from reportlab.lib.colors import HexColor, black, white

    drawing = Drawing(width, height)
    middle = height / 2
    if of[-1].norm is None:
        return drawing
    low, high = (width * (of[-1].place(end) or 0.0) for end in of[-1].norm.usual)
    drawing.add(Line(0, middle, width, middle, strokeColor=HexColor(_LINE), strokeWidth=0.4))
    drawing.add(Rect(low, middle - 3, high - low, 6, fillColor=HexColor(_BAND), strokeColor=None))
    drawing.add(Line(width / 2, middle - 3, width / 2, middle + 3, strokeColor=HexColor(_LINE), strokeWidth=0.6))
    for number, row in enumerate(of):
        place, ends = row.place(row.value), (row.place(row.low), row.place(row.high))
        if place is None:
            continue
        if len(of) == 1 and ends[0] is not None and ends[1] is not None:
            drawing.add(Line(width * ends[0], middle, width * ends[1], middle, strokeColor=black, strokeWidth=1.1))
        last = number == len(of) - 1
        center = min(max(place * width, 2.2), width - 2.2)
        dot = Circle(center, middle, 2.2, strokeColor=black, strokeWidth=0.9)
        dot.fillColor = black if last else white
        drawing.add(dot)
    return drawing
