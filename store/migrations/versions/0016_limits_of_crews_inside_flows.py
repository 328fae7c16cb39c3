"""A run of a flow that waits at a limit says which of its crews has that limit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("limit_pauses") as batch:
        batch.add_column(sa.Column("crew", sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("limit_pauses") as batch:
        batch.drop_column("crew")
