"""Contrast of every text with its ground, in both colour schemes, from the styles of the mail alone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

ENOUGH = 4.5  # WCAG 1.4.3, for text of any size
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_DARK = re.compile(r"@media \(prefers-color-scheme: dark\) \{(.*)\}", re.S)
_UNDRAWN = ("-text", "-comment", "style", "title", "head", "meta")
Colours = dict[str, str]


@dataclass(frozen=True)
class Text:
    text: str
    scheme: str
    colour: str
    ground: str

    @property
    def contrast(self) -> float:
        bright, dim = sorted((_luminance(self.colour), _luminance(self.ground)), reverse=True)
        return (bright + 0.05) / (dim + 0.05)


def texts(html: str) -> Iterator[Text]:
    """Every text that is drawn, once for each scheme."""
    tree = LexborHTMLParser(html)
    found = _DARK.search(html)
    assert found, "the dark block is gone"
    dark = [(selector.strip(), _colours(body)) for selector, body in _rules(found[1])]
    body = tree.body
    assert body is not None
    yield from _walk(body, {"light": {}, "dark": {}}, dark)


def half_set(html: str) -> list[str]:
    """Rules and elements that set a ground without a colour: in a scheme that sets the other, nothing can be read."""
    tree, found = LexborHTMLParser(html), _DARK.search(html)
    dark = [f"{selector.strip()} {{{body}}}" for selector, body in _rules(found[1])] if found else []
    inline = [f"<{node.tag} {_style(node)}>" for node in tree.css("[style]")]
    return [
        one for one in [*dark, *inline] if "background-color" in one and not re.search(r"[;{ ]color:", one)
    ]


def _rules(css: str) -> list[tuple[str, str]]:
    return [(one, body) for names, body in _RULE.findall(css) for one in names.split(",")]


def _walk(node: LexborNode, above: dict[str, Colours], dark: list[tuple[str, Colours]]) -> Iterator[Text]:
    if "display: none" in _style(node):
        return
    light_own = _colours(_style(node))
    schemes = {"light": above["light"] | light_own, "dark": above["dark"] | light_own | _dark_of(node, dark)}
    for child in node.iter(include_text=True):
        if child.tag == "-text" and (text := child.text(deep=False).strip()):
            for scheme, colours in schemes.items():
                yield Text(text, scheme, colours["color"], colours["background-color"])
        elif child.tag not in _UNDRAWN:
            yield from _walk(child, schemes, dark)


def _dark_of(node: LexborNode, dark: list[tuple[str, Colours]]) -> Colours:
    """A class counts for more than a tag, whichever comes first."""
    classes = {f".{name}" for name in (node.attributes.get("class") or "").split()}
    by_tag = [colours for selector, colours in dark if selector == node.tag]
    by_class = [colours for selector, colours in dark if selector in classes]
    found: Colours = {}
    for colours in (*by_tag, *by_class):
        found |= colours
    return found


def _style(node: LexborNode) -> str:
    return node.attributes.get("style") or ""


def _colours(css: str) -> Colours:
    pairs = (one.partition(":")[::2] for one in css.split(";"))
    return {
        name.strip(): value.replace("!important", "").strip()
        for name, value in pairs
        if name.strip() in ("color", "background-color")
    }


def _luminance(colour: str) -> float:
    assert re.fullmatch(r"#[0-9a-f]{6}", colour), f"{colour} is no colour of the form #rrggbb"
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
