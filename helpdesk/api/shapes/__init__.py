"""Shapes by subject; those of tickets and messages are in `helpdesk.api.serializers`."""
