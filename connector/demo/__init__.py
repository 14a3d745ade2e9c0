"""The main job on real Kafka, in a minute: protect, crash, go on, and count."""
