"""Whether heat maps show what carries an answer, and which vectors find pictures of the same class."""
