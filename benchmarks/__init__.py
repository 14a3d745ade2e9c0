"""Benchmarks. `python -m benchmarks` runs the pinned workload; `docs/benchmarks.md` says what is compared."""
