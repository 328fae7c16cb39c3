"""CrewAI projects as files: read without running anything, and written so that CrewAI alone can run them."""
