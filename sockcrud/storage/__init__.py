"""The stores: one contract (`interfaces`), several ways to keep it."""
