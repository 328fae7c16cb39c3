"""Python as a text: what a program would make is worked out from its syntax tree; nothing of it is ever run."""
