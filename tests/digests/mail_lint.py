"""What every mail must hold to, whatever stands in it. Each finding is one sentence."""

import re
from collections.abc import Collection, Iterator
from itertools import pairwise

from selectolax.lexbor import LexborHTMLParser, LexborNode

from notifier.digests.content import RenderedMail
from notifier.digests.tags import MANAGE_TAG, UNSUBSCRIBE_TAG
from tests.digests.html_rules import faults

MOST_BYTES = 80_000
MOST_COLUMNS = 78
FORBIDDEN = "script, form, iframe, video, audio, object, embed, svg, link, img, input, base"
_HEADINGS = "h1, h2, h3, h4, h5, h6"
_UNFILLED = re.compile(r"\{\{|\{%|\bundefined\b|\bNone\b(?! of the\b)|\bnull\b|\bNaN\b")
_INVISIBLE = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f\x7f-\x9f]")


DIGEST = {UNSUBSCRIBE_TAG, MANAGE_TAG}
_STOP = re.compile(rf"{UNSUBSCRIBE_TAG}/[\w.-]+")


def lint(mail: RenderedMail, theirs: str = "", tags: Collection[str] = DIGEST) -> list[str]:
    """`theirs` is all text that others wrote: a word in it is no mistake of ours. `tags`: the reader's own links."""
    tree = LexborHTMLParser(mail.html)
    return [
        *_frame(tree, mail),
        *_structure(tree),
        *faults(mail.html),
        *_links(tree, mail),
        *_own_links(mail, tags),
        *_text_part(mail),
        *_words(mail, theirs),
        *_weight(mail),
    ]


def links(mail: RenderedMail) -> list[str]:
    return [node.attributes["href"] or "" for node in LexborHTMLParser(mail.html).css("a")]


def preheader(mail: RenderedMail) -> str:
    node = LexborHTMLParser(mail.html).css_first(".preheader")
    assert node is not None
    return re.sub("[\u034f\u2007\\s]+", " ", node.text()).strip()


def _frame(tree: LexborHTMLParser, mail: RenderedMail) -> Iterator[str]:
    page, first = tree.css_first("html"), tree.css_first("body > *")
    assert page is not None
    for name, node in (("html", page), ("the first element", first)):
        if not node or not node.attributes.get("lang") or node.attributes.get("dir") not in ("ltr", "rtl"):
            yield f"{name} lacks lang or dir"
    if not first or first.attributes.get("role") != "article" or not first.attributes.get("aria-label"):
        yield "the first element is no labelled article"
    title = tree.css_first("title")
    if not title or title.text() != mail.subject:
        yield "the title is not the subject"
    if "prefers-color-scheme: dark" not in mail.html:
        yield "the dark block is gone"
    if not (node := tree.css_first(".preheader")) or "display: none" not in (
        node.attributes.get("style") or ""
    ):
        yield "the preheader is not hidden"


def _structure(tree: LexborHTMLParser) -> Iterator[str]:
    levels = [int((node.tag or "h0")[1]) for node in tree.css(_HEADINGS)]
    if levels.count(1) != 1 or levels[0] != 1:
        yield "there is not exactly one h1, at the top"
    if any(after > before + 1 for before, after in pairwise(levels)):
        yield "a heading level is skipped"
    for node in tree.css("table"):
        if node.attributes.get("role") != "presentation" or node.attributes.get("border") != "0":
            yield "a layout table lacks role=presentation or border=0"
    for node in tree.css(FORBIDDEN):
        yield f"<{node.tag}> has no place in a mail"
    for node in tree.css("p, h1, h2, h3, li, a, td"):
        if not node.text(strip=True):
            yield f"empty: {(node.html or '')[:200]}"
    yield from (f"{name} is no attribute of ours" for name in _event_handlers(tree))


def _event_handlers(tree: LexborHTMLParser) -> set[str]:
    names = {name for node in tree.css("*") for name in _attributes(node)}
    return {name for name in names if name.startswith("on") or name in ("src", "background", "srcset")}


def _attributes(node: LexborNode) -> list[str]:
    return list(node.attributes)


def _links(tree: LexborHTMLParser, mail: RenderedMail) -> Iterator[str]:
    names: dict[str, str] = {}
    for node in tree.css("a"):
        url, name = node.attributes.get("href") or "", node.text(strip=True)
        if url not in mail.text.splitlines():
            yield f"{url} does not stand alone on a line of the text part"
        if name.lower() in ("here", "click here", "read more", "more"):
            yield "a link says nothing of where it leads"
        if names.setdefault(name, url) != url and "NCT" in name:
            yield f"two links are called {name!r} and lead elsewhere"


def _own_links(mail: RenderedMail, tags: Collection[str]) -> Iterator[str]:
    own = [url for url in links(mail) if not url.startswith("https://")]
    yield from (
        f"a link leads to {url[:40]!r}" for url in own if url not in tags and not _STOP.fullmatch(url)
    )
    yield from (f"there is no link {tag}" for tag in tags if tag not in own)
    if UNSUBSCRIBE_TAG not in tags and UNSUBSCRIBE_TAG in mail.html + mail.text:
        yield "a letter is no subscription that one could leave"


def _text_part(mail: RenderedMail) -> Iterator[str]:
    for line in mail.text.splitlines():
        if len(line) > MOST_COLUMNS and not line.startswith("https://"):
            yield f"a text line of {len(line)} columns"
        if line != line.rstrip():
            yield "a text line ends in white space"
    if "\n\n\n" in mail.text:
        yield "two empty lines follow each other in the text part"


def _words(mail: RenderedMail, theirs: str) -> Iterator[str]:
    for name, part in (("subject", mail.subject), ("text", mail.text), ("html", mail.html)):
        for match in _UNFILLED.finditer(part):
            if match[0] not in theirs or match[0].startswith("{"):
                yield f"{match[0]} stands in the {name}"
        if _INVISIBLE.search(part.replace("\n", "")):
            yield f"an invisible character stands in the {name}"
    if "\n" in mail.subject or not 0 < len(mail.subject) <= MOST_COLUMNS:
        yield "the subject is empty, too long, or has a line break"


def _weight(mail: RenderedMail) -> Iterator[str]:
    """Lines may be long: they are broken where a mail is encoded (quoted-printable)."""
    size = len(mail.html.encode())
    if size > MOST_BYTES:
        yield f"the HTML has {size:,} bytes"
