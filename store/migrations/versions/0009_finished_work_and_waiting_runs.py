"""Finished work, and what a run needs to wait, to go on and to be tried again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

COLUMNS: tuple[sa.Column[object], ...] = (
    sa.Column("source", sa.Text(), nullable=False, server_default="person"),
    sa.Column("crashes", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("stop_by", sa.Text(), nullable=True),
    sa.Column("waiting_for", sa.Text(), nullable=True),
    sa.Column("woken", sa.Boolean(), nullable=False, server_default=sa.false()),
    sa.Column("again", sa.Text(), nullable=True),
    sa.Column("round", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("resumed_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("worked", sa.Double(), nullable=False, server_default="0"),
)


def upgrade() -> None:
    op.create_table(
        "finished_work",
        sa.Column("execution_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column(
            "output",
            sa.JSON().with_variant(sa.dialects.postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.id"], name=op.f("fk_finished_work_execution_id_executions"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("execution_id", "key", name=op.f("pk_finished_work")),
    )
    for column in COLUMNS:
        op.add_column("executions", column)
    seconds = (
        "(julianday(ended_at) - julianday(started_at)) * 86400"
        if op.get_bind().dialect.name == "sqlite"
        else "EXTRACT(EPOCH FROM ended_at - started_at)"
    )
    with op.batch_alter_table("executions") as batch:
        for column in COLUMNS:
            if column.server_default is not None:
                batch.alter_column(column.name, existing_type=column.type, server_default=None)
    op.execute(f"UPDATE executions SET worked = {seconds} WHERE started_at IS NOT NULL AND ended_at IS NOT NULL")


def downgrade() -> None:
    for column in COLUMNS:
        op.drop_column("executions", column.name)
    op.drop_table("finished_work")
