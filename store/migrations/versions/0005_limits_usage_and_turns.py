"""Limits, what was used in each month, whose turn it is, and old logs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INDEXES = (
    ["team", "status", "id"],
    ["crew_id", "status", "id"],
    ["team", "started_by", "status", "id"],
    ["team", "log_pruned_at", "ended_at"],
)


def upgrade() -> None:
    op.create_table(
        "usage",
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=False),
        sa.Column("completion_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("team", "month", "subject", name=op.f("pk_usage")),
    )
    op.create_table(
        "turns",
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("team", "person", name=op.f("pk_turns")),
    )
    op.create_table(
        "crew_limits",
        sa.Column("crew_id", sa.Integer(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column(
            "limits",
            sa.JSON().with_variant(sa.dialects.postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["crew_id"], ["crew_instances.id"], name=op.f("fk_crew_limits_crew_id_crew_instances"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("crew_id", name=op.f("pk_crew_limits")),
    )
    op.create_index(op.f("ix_crew_limits_team"), "crew_limits", ["team"])
    op.create_table(
        "allowances",
        sa.Column("execution_id", sa.Integer(), nullable=False),
        sa.Column("limit_key", sa.Text(), nullable=False),
        sa.Column("most", sa.Double(), nullable=False),
        sa.Column("allowed_by", sa.Text(), nullable=False),
        sa.Column("allowed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.id"], name=op.f("fk_allowances_execution_id_executions"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("execution_id", "limit_key", name=op.f("pk_allowances")),
    )
    op.add_column("executions", sa.Column("log_pruned_at", sa.DateTime(timezone=True), nullable=True))
    for columns in INDEXES:
        op.create_index(op.f(f"ix_executions_{'_'.join(columns)}"), "executions", columns)


def downgrade() -> None:
    for columns in INDEXES:
        op.drop_index(op.f(f"ix_executions_{'_'.join(columns)}"), "executions")
    op.drop_column("executions", "log_pruned_at")
    for table in ("allowances", "crew_limits", "turns", "usage"):
        op.drop_table(table)
