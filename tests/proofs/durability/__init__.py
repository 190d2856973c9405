"""Long proofs, and their short forms."""
