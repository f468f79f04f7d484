"""Page of an audit of labels."""
