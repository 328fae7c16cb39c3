"""Pictures of crews: laid out, drawn as SVG, turned into PNG, and said in words."""
