"""WebSocket entry points: a socket misses nothing, knows when it is late, and never piles up."""
