"""The database: one file per noun."""
