"""
A message provider for development, tests and game days: a real HTTP server on a real socket.

It takes messages, remembers idempotency keys, and calls back with signed webhooks, as the
providers of the field do: at least once, in no promised order.
"""
