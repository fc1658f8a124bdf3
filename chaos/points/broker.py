"""Faults between Celery and Redis: a kombu transport over the broker's connection class."""

from __future__ import annotations

import kombu.transport.redis as kombu_redis

from chaos.points.redis import BrokerConnection, BrokerSSLConnection


class BrokerChannel(kombu_redis.Channel):
    connection_class = BrokerConnection
    connection_class_ssl = BrokerSSLConnection


class Transport(kombu_redis.Transport):
    """Set `broker_transport = "chaos.points.broker:Transport"` and keep `broker_url`."""

    Channel = BrokerChannel
