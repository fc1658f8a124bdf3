"""The admin's look: unfold, one sidebar for the desk, the promises and the faults."""

from __future__ import annotations

from typing import Any

from config import env

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Steadydesk",
    "SITE_HEADER": "Steadydesk",
    "SITE_SUBHEADER": "Service levels, kept under fire",
    "SITE_SYMBOL": "monitor_heart",
    "SITE_URL": "/tickets",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "config.branding.environment_badge",
    "COLORS": {
        "primary": {
            "50": "240 253 250", "100": "204 251 241", "200": "153 246 228", "300": "94 234 212",
            "400": "45 212 191", "500": "20 184 166", "600": "13 148 136", "700": "15 118 110",
            "800": "17 94 89", "900": "19 78 74", "950": "4 47 46",
        },
    },
    "SIDEBAR": {"show_search": True, "show_all_applications": False, "navigation": []},
}  # fmt: skip


def _item(title: str, icon: str, link: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": link}


_NAVIGATION: list[dict[str, Any]] = [
    {
        "title": "Service levels",
        "items": [_item("Objectives", "speed", "/admin/slo/objective/")],
    },
    {
        "title": "Helpdesk",
        "separator": True,
        "items": [
            _item("Tickets", "confirmation_number", "/admin/helpdesk/ticket/"),
            _item("Messages", "chat", "/admin/helpdesk/message/"),
            _item("Contacts", "contacts", "/admin/helpdesk/contact/"),
            _item("Campaigns", "campaign", "/admin/helpdesk/campaign/"),
            _item("Dead letters", "mark_email_unread", "/admin/helpdesk/deadletter/"),
            _item("Users", "group", "/admin/helpdesk/user/"),
            _item("Audit log", "history", "/admin/helpdesk/auditentry/"),
        ],
    },
]
if env.CHAOS_ENABLED:
    _NAVIGATION.insert(
        1,
        {
            "title": "Chaos",
            "separator": True,
            "items": [
                _item("Control room", "bolt", "/admin/chaos/fault/"),
                _item("Experiments", "science", "/admin/chaos/experimentrun/"),
                _item("Audit", "history", "/admin/chaos/auditentry/"),
            ],
        },
    )
UNFOLD["SIDEBAR"]["navigation"] = _NAVIGATION
