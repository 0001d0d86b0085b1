"""Pure decisions: no clock, no socket, no randomness, no logging. See model.py for the vocabulary."""
