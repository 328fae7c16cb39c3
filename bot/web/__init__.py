"""The HTTP side: Slack over HTTP, and whether all is well."""
