"""What watches Steadydesk, and the check that keeps it true (`python -m monitoring.check`)."""
