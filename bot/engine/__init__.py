"""The only code that knows CrewAI: definitions become objects, and one run is carried out."""
