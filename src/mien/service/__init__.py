"""A classifier in service: batches, the patch in force, the store of decisions and verdicts. No HTTP."""
