"""The transcripts that agents write: found, and read for the turn of a prompt."""
