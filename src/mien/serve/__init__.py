"""HTTP servers of local pages; the only package that imports FastAPI (extra `serve`)."""
