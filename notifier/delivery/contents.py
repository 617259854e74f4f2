"""What claimed batches say: editions and corrections are shared, letters are each their own."""

from collections.abc import Iterable

from sqlalchemy import Connection

from notifier.delivery.claiming import ClaimedBatch
from notifier.delivery.corrections import load_corrections
from notifier.delivery.letters import Letter, load_letters
from notifier.digests.content import EditionContent
from notifier.digests.corrections import CorrectionContent
from notifier.digests.editions import load_editions

Content = EditionContent | CorrectionContent | Letter


def load_contents(conn: Connection, claims: Iterable[ClaimedBatch]) -> dict[int, Content]:
    """By batch. A letter whose reader has been erased meanwhile is missing."""
    claims = list(claims)
    letters = [claim.batch_id for claim in claims if claim.is_letter]
    corrections = [claim.batch_id for claim in claims if claim.mail == "correction"]
    digests = {
        claim.batch_id: claim.edition_id
        for claim in claims
        if claim.edition_id is not None and claim.mail == "digest"
    }
    editions = load_editions(conn, list(digests.values())) if digests else {}
    return {
        **(load_letters(conn, letters) if letters else {}),
        **(load_corrections(conn, corrections) if corrections else {}),
        **{batch_id: editions[edition_id] for batch_id, edition_id in digests.items()},
    }
