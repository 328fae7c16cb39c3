"""Crewcall: a Slack bot that builds and runs CrewAI crews."""
