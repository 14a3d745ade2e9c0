"""Key rings, and the client of Vault."""
