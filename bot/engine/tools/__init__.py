"""Tools: what there is, what each needs, and how they are made safely for one run."""
