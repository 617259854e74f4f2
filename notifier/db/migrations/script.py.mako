"""${message}"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
% if not down_revision:
    op.execute(DELIVERY_STATES)
    # Of a hundred million rows the default would leave twenty million dead ones lying.
    op.execute("ALTER TABLE deliveries SET (autovacuum_vacuum_scale_factor = 0.02)")
    op.execute("INSERT INTO installation (id) VALUES (1)")


# A delivery's own state where it has one, else that of its batch.
DELIVERY_STATES = """
CREATE VIEW delivery_states AS
SELECT deliveries.id, batches.mail, batches.run_id, deliveries.batch_id, deliveries.subscriber_id,
       coalesce(deliveries.state, batches.state) AS state,
       CASE WHEN deliveries.state IS NULL THEN batches.reason ELSE deliveries.reason END AS reason
FROM deliveries JOIN batches ON batches.id = deliveries.batch_id
"""
% endif
