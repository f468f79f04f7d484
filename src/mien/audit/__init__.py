"""Labels that may be wrong: what speaks against each of them, and a verdict. Arrays in, arrays out."""
