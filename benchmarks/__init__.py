"""How fast syncmux is, beside its peers: ``python -m benchmarks`` measures, ``docs/performance.md`` shows."""
