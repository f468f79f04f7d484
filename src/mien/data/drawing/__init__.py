"""How the drawn faces are drawn: what is expressed, who shows it, and the strokes that make it visible."""
