"""The service: configuration, command line, plans, the transaction."""
