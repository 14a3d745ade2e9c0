"""`streamveil lint`: what a careful colleague would ask about a chain. One file per concern."""
