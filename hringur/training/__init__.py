"""One trainer, one checkpoint format, one log for every learner."""
