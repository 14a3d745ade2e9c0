"""Keys and tokens."""
