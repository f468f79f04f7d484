"""Page of a data set."""
