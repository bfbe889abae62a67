"""Two releases on the same decisions: what one of them finds and the other does not."""
