"""How often a workflow could not be told how its step ended, and when that is tried again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("workflow_steps") as batch:
        batch.add_column(sa.Column("tries", sa.Integer(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("try_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("workflow_steps") as batch:
        batch.alter_column("tries", existing_type=sa.Integer(), server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("workflow_steps") as batch:
        batch.drop_column("try_at")
        batch.drop_column("tries")
