"""The leave-one-class-out study: every class is left out in turn and recovered by correctors."""
