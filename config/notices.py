"""What stands above every page of the product; wired by `config.settings.with_chaos` alone."""

from __future__ import annotations

from django.http import HttpRequest

from chaos import banner


def site_notice(_request: HttpRequest) -> dict[str, str]:
    """Give the templates `site_notice`: the banner of active faults."""
    return {"site_notice": banner.render()}
