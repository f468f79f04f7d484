"""Page of the watch of a patch."""
