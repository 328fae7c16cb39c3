"""Schedules, and the runs that they start."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")


def upgrade() -> None:
    op.create_table(
        "schedules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("crew_id", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("recurrence", JSON, nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("inputs", JSON, nullable=False),
        sa.Column("missed", sa.Text(), nullable=False),
        sa.Column("busy", sa.Text(), nullable=False),
        sa.Column("news", sa.Text(), nullable=False),
        sa.Column("news_rule", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waiting", JSON, nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("going", sa.Boolean(), nullable=False),
        sa.Column("pending", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["crew_id"], ["crew_instances.id"], name=op.f("fk_schedules_crew_id_crew_instances"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedules")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("schedules", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_schedules_crew_id"), ["crew_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_schedules_pending"), ["pending"], unique=False)
        batch_op.create_index(batch_op.f("ix_schedules_state_next_at"), ["state", "next_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_schedules_team_owner"), ["team", "owner"], unique=False)
    # Added in place: a table with all runs need not be written anew.
    op.add_column("executions", sa.Column("schedule_id", sa.Integer(), nullable=True))
    op.add_column("executions", sa.Column("slot", sa.DateTime(timezone=True), nullable=True))
    op.add_column("executions", sa.Column("telling", sa.Text(), nullable=True))
    op.create_index("ix_executions_schedule_id_slot", "executions", ["schedule_id", "slot"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_executions_schedule_id_slot", table_name="executions")
    with op.batch_alter_table("executions", schema=None) as batch_op:
        batch_op.drop_column("telling")
        batch_op.drop_column("slot")
        batch_op.drop_column("schedule_id")
    op.drop_table("schedules")
