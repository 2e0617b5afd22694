"""The Python runtime. Its name is unlikely in user code, because both share one table of modules."""
