"""Steps of workflows that got no run keep the reason until Slack knows it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("workflow_steps") as batch:
        batch.add_column(sa.Column("error", sa.Text(), nullable=True))
        batch.alter_column("execution_id", existing_type=sa.Integer(), nullable=True)


def downgrade() -> None:
    op.execute("DELETE FROM workflow_steps WHERE execution_id IS NULL")
    with op.batch_alter_table("workflow_steps") as batch:
        batch.alter_column("execution_id", existing_type=sa.Integer(), nullable=False)
        batch.drop_column("error")
