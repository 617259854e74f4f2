"""Messages in templates, as whoever writes a template or a translation meets them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment, StrictUndefined, TemplateError
from markupsafe import Markup

from notifier.languages.catalogue import language_of
from notifier.languages.templates import speak
from tests.languages.made_up import dropped, found_in

GERMAN = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"

msgid "Stop"
msgstr "Beenden & Schluss"

msgid "Stop %(name)s"
msgstr "%(name)s beenden"

msgid "%(num)s study"
msgid_plural "%(num)s studies"
msgstr[0] "%(num)s Studie"
msgstr[1] "%(num)s Studien"
"""


@pytest.fixture(autouse=True)
def _german(tmp_path: Path) -> Iterator[None]:
    with found_in(dropped(tmp_path, "de", GERMAN)):
        yield


def shown(source: str, *, locale: str = "de", autoescape: bool = True, **values: object) -> str:
    environment = Environment(autoescape=autoescape, undefined=StrictUndefined)
    return speak(environment, language_of(locale)).from_string(source).render(values)


@pytest.mark.parametrize(
    ("source", "german"),
    [
        ('{{ _("Stop") }}', "Beenden &amp; Schluss"),
        ('{{ _("Stop %(name)s", name=name) }}', "a &lt; b beenden"),
        ('{{ _("Stop %(name)s", name=name) | upper }}!', "A &LT; B BEENDEN!"),
        ('{{ (_("Stop") ~ ":") }}', "Beenden &amp; Schluss:"),
        ('{{ _("Stop %(name)s", name=_("Stop")) }}', "Beenden &amp; Schluss beenden"),
        ('{{ _("Stop %(name)s", name=mark) }}', "<b>x</b> beenden"),
        ('{% trans name=name %}Stop {{ name }}{% endtrans %}', "a &lt; b beenden"),
        ('{{ ngettext("%(num)s study", "%(num)s studies", 1200, num=1200 | number) }}', "1.200 Studien"),
        ('{{ "2026-11-20" | date }}', "20. November 2026"),
    ],
)  # fmt: skip
def test_a_message_is_told_in_the_language_and_its_values_are_escaped(source: str, german: str):
    told = shown(source, name="a < b", mark=Markup("<b>x</b>"))
    assert told == german


def test_text_is_not_escaped():
    assert shown('{{ _("Stop %(name)s", name="a < b") }}', autoescape=False) == "a < b beenden"
    assert shown('{{ _("Stop") }}', autoescape=False) == "Beenden & Schluss"


def test_english_needs_nothing():
    assert shown('{{ _("Stop %(name)s", name="x") }} {{ _("New 100%%") }}', locale="en") == "Stop x New 100%"


@pytest.mark.parametrize("value", ["name=none", "name=x", ""])
def test_a_value_that_is_not_there_is_a_mistake(value: str):
    with pytest.raises(TemplateError):
        shown(f'{{{{ _("Stop %(name)s"{", " if value else ""}{value}) }}}}')
