"""Our kit over Slack: text, blocks, forms, commands, errors, the way out and the way in."""
