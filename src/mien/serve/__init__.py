"""Local pages with a server behind them. The only package that knows FastAPI (extra `serve`)."""
