"""Files that appear whole, tables, run folders, output folders and locks. Nothing stored can run code."""
