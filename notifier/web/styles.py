"""The pages' one style sheet, and the hash that lets it, and nothing else, style them."""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path

TEMPLATES = Path(__file__).parents[2] / "templates" / "pages"
STYLE = (TEMPLATES / "style.css").read_text(encoding="utf-8")


def style_hash(style: str) -> str:
    return f"sha256-{b64encode(sha256(style.encode()).digest()).decode()}"


STYLE_HASH = style_hash(STYLE)
