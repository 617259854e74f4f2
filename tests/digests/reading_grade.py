"""The reading grade of our own words in a mail (automated readability index)."""

import re

from selectolax.lexbor import LexborHTMLParser

from notifier.digests.content import RenderedMail

_NOT_WORDS = re.compile(r"https://\S+|NCT\d{8}|\S+@\S+|NOTIFIER-LINK-\S+")
_SENTENCE = re.compile(r"[^.!?]+[.!?](?=\s|$)")


def our_sentences(mail: RenderedMail) -> list[str]:
    """Every whole sentence of the mail, without what the registry, the site or the reader wrote.

    Labels and values (`Before: Not yet open`) are left out: they would only make the grade look better.
    """
    tree = LexborHTMLParser(mail.html)
    for node in tree.css(".preheader, .theirs, style, title"):
        node.decompose()
    blocks = [_NOT_WORDS.sub(" ", node.text(separator=" ")) for node in tree.css("h1, h2, h3, p, li")]
    sentences = [part for block in blocks for part in _SENTENCE.findall(block)]
    return [sentence.strip() for sentence in sentences if len(sentence.split()) > 2]


def grade(sentences: list[str]) -> float:
    words = [word for sentence in sentences for word in re.findall(r"[\w’'-]+", sentence)]
    letters = sum(len(word) for word in words)
    return 4.71 * letters / len(words) + 0.5 * len(words) / len(sentences) - 21.43
