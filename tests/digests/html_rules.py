"""HTML as strict as we write it: parsers repair what is wrong without a word, each mail program in its own way.

To be used on what the templates say, before the inliner has parsed it, and on what is sent.
"""

from collections.abc import Iterable, Iterator, Sequence
from html.entities import html5
from html.parser import HTMLParser

INLINE = {"a", "br", "em", "q", "span", "strong"}
BLOCKS = {"blockquote", "div", "h1", "h2", "h3", "ol", "p", "table", "ul"}
MAY_HOLD = {
    "": {"html"},
    "html": {"head", "body"},
    "head": {"meta", "style", "title"},
    "body": BLOCKS,
    "blockquote": BLOCKS,
    "div": BLOCKS,
    "td": BLOCKS,
    "table": {"tbody", "tr"},
    "tbody": {"tr"},
    "tr": {"td"},
    "ul": {"li"},
    "ol": {"li"},
    "title": set[str](),
    "style": set[str](),
    "a": INLINE - {"a"},
    **dict.fromkeys(("h1", "h2", "h3", "p", "li", "em", "q", "span", "strong"), INLINE),
}
NO_TEXT = {"", "html", "head", "body", "table", "tbody", "tr", "ul", "ol"}
VOID = {"br", "meta"}
ATTRIBUTES = {
    "html": {"lang", "dir"},
    "meta": {"charset", "name", "content"},
    "style": {"data-css-inline"},
    "div": {"role", "aria-label", "aria-roledescription", "lang"},
    "table": {"role", "cellpadding", "cellspacing", "border"},
    "td": {"align"},
    "a": {"href"},
}
EVERYWHERE = {"class", "dir", "style"}


def faults(html: str) -> list[str]:
    """Each with its line."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return [*reader.found, *(f"<{tag}> is not closed" for tag in reader.open[1:])]


class _Reader(HTMLParser):
    CDATA_CONTENT_ELEMENTS = ("style",)

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.open = [""]
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self._note(_of_attributes(tag, attrs))
        if tag not in MAY_HOLD.get(self.open[-1], ()):
            self._note([f"<{tag}> in <{self.open[-1]}>"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != self.open[-1]:
            self._note([f"</{tag}> where <{self.open[-1]}> is open"])
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self.open[-1] in NO_TEXT and data.strip():
            self._note([f"text in <{self.open[-1]}>"])
        if self.open[-1] != "style":
            self._note(f"a bare {sign}" for sign in "<&" if sign in data)

    def handle_entityref(self, name: str) -> None:
        if f"{name};" not in html5:
            self._note([f"&{name} is no character"])

    def unknown_decl(self, data: str) -> None:
        self._note(["a declaration"])

    def _note(self, found: Iterable[str]) -> None:
        self.found.extend(f"line {self.getpos()[0]}: {one}" for one in found)


def _of_attributes(tag: str, attrs: Sequence[tuple[str, str | None]]) -> Iterator[str]:
    names = [name for name, _ in attrs]
    for name in {one for one in names if names.count(one) > 1}:
        yield f"{name} twice in <{tag}>"
    for name, value in attrs:
        if name not in ATTRIBUTES.get(tag, set()) | EVERYWHERE:
            yield f"<{tag}> has no {name}"
        if value is None:
            yield f"{name} of <{tag}> has no value"
