"""
Faults of PostgreSQL: a Django backend that sits directly on psycopg.

`ENGINE = "chaos.points.postgres"` for a plain project, `"chaos.points.postgres.prometheus"` under
the backend of django-prometheus, so that its metrics count what is injected.
"""
