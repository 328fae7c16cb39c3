"""Slack's doors: one file per noun or surface."""
