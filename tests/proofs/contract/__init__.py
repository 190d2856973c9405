"""One contract, whatever the wire: the same results, the same refusals, the same state."""
