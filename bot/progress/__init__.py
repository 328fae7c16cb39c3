"""The feed: run events become log rows, one status message, thread messages and the final result."""
