"""Dead letters: kept, listed, retried, discarded."""
