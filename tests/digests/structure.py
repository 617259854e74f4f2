"""A mail with all its styles taken away, as a screen reader or a very plain mail program goes through it."""

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

_MARKS = {"h1": "# ", "h2": "## ", "h3": "### ", "li": "- ", "p": "", "div": ""}
_SPACE = re.compile(r"[\u034f\u2007\s]+")


def structure(html: str) -> str:
    """Headings, paragraphs, list items and links in their order, one a line."""
    tree = LexborHTMLParser(html)
    for link in tree.css("a"):
        link.insert_after(f" ({link.attributes['href']})")
    for line_break in tree.css("br"):
        line_break.replace_with("\n")
    blocks = [node for node in tree.css(".preheader, h1, h2, h3, p, li") if not _is_inside_another(node)]
    return "".join(f"{_MARKS[node.tag or 'p']}{' / '.join(_lines(node))}\n" for node in blocks)


def _lines(node: LexborNode) -> list[str]:
    lines = [_SPACE.sub(" ", line).strip() for line in node.text().split("\n")]
    return [line for line in lines if line]


def _is_inside_another(node: LexborNode) -> bool:
    return node.parent is not None and node.parent.tag in ("li", "p")
