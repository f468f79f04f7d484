"""The leave-one-class-out study: every class is left out in turn and won back by correctors."""
