"""Pages of a patch and of a discovery."""
