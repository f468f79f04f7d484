"""Tables and page of a comparison of treatments."""
