"""Real servers on 127.0.0.1, for tests, the demo and development. `streamveil run` never uses them."""
