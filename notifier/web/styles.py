"""The pages' one style sheet, and the hash that lets it, and nothing else, style them."""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path

TEMPLATES = Path(__file__).parents[2] / "templates" / "pages"
STYLE = (TEMPLATES / "style.css").read_text(encoding="utf-8")
STYLE_HASH = f"sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}"
