"""The HTML of every mail: nothing for a parser to mend, text that can be read in every colour scheme, and an order
that holds without styles."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.digests import rendering
from notifier.digests.samples import MAILS, render_sample
from tests.digests.contrast import ENOUGH, half_set, texts
from tests.digests.html_rules import faults
from tests.digests.samples import SETTINGS
from tests.digests.structure import structure

GOLDEN = Path(__file__).parent / "golden"
SHAPES = ("digest-twelve", "digest-stopped", "digest-new-with-card", "letter-confirm", "letter-stopped")
every_mail = pytest.mark.parametrize("name", MAILS)


class NoInliner:
    """Leaves what the templates say as they say it."""

    def inline(self, html: str) -> str:
        return html

    def inline_fragment(self, html: str, css: str) -> str:
        return html


@pytest.fixture
def as_written(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(rendering, "_INLINER", NoInliner())
    rendering.forget()
    yield
    rendering.forget()


@every_mail
@pytest.mark.usefixtures("as_written")
def test_the_templates_leave_nothing_to_mend(name: str):
    assert faults(render_sample(name, SETTINGS).html) == []


@every_mail
def test_what_is_sent_leaves_nothing_to_mend(name: str):
    assert faults(render_sample(name, SETTINGS).html) == []


@pytest.mark.parametrize(
    ("mistake", "fault"),
    [
        ("<p><table></table></p>", "<table> in <p>"),
        ("<p><strong>x</p>", "</p> where <strong> is open"),
        ("<div>", "</body> where <div> is open"),
        ("</div>", "</div> where <body> is open"),
        ("<ul>x</ul>", "text in <ul>"),
        ("<p><a href='x'><a href='y'>z</a></a></p>", "<a> in <a>"),
        ("<p>salt & pepper</p>", "a bare &"),
        ("<p>a < b</p>", "a bare <"),
        ("<p>&nbps;</p>", "&nbps is no character"),
        ("<p class='a' class='b'>x</p>", "class twice in <p>"),
        ("<p clas='a'>x</p>", "<p> has no clas"),
        ("<table><p>x</p></table>", "<p> in <table>"),
    ],
)
def test_each_mistake_is_found(mistake: str, fault: str):
    found = faults(f"<!doctype html>\n<html><head></head><body>{mistake}</body></html>")
    assert f"line 2: {fault}" in found


@every_mail
def test_every_text_stands_out_from_its_ground_in_light_and_in_dark(name: str):
    html = render_sample(name, SETTINGS).html
    found = list(texts(html))
    assert {text.scheme for text in found} == {"light", "dark"}
    assert [text for text in found if text.contrast < ENOUGH] == []
    assert half_set(html) == []


def test_a_text_that_is_too_faint_is_found():
    faint = (
        "<style>@media (prefers-color-scheme: dark) { .page { background-color: #000000; color: #ffffff }"
        " .box { background-color: #eeeeee } }</style>"
        '<div class="page" style="background-color: #ffffff; color: #767676"><p>just</p>'
        '<p class="box">lost</p><p style="color: #777777">faint</p></div>'
    )
    found = [(text.text, text.scheme) for text in texts(faint) if text.contrast < ENOUGH]
    assert found == [("lost", "dark"), ("faint", "light")]
    assert half_set(faint) == [".box { background-color: #eeeeee }"]


@pytest.mark.parametrize("name", SHAPES)
def test_without_styles_a_mail_reads_in_order(name: str):
    """UPDATE_GOLDEN=1 accepts what is rendered now; read the difference before committing it."""
    file, found = GOLDEN / f"plain-{name}.md", structure(render_sample(name, SETTINGS).html)
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(found, "utf-8")
    assert file.read_text("utf-8") == found
