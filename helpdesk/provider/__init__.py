"""The message provider: what we ask of it, how we call it, and a simulator of one."""
