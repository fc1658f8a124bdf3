"""Middlewares that answer or fail between the two that measure."""

import time

from django.http import HttpResponse


class Saboteur:
    """Does what the header X-Sabotage says."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        wish = request.headers.get("X-Sabotage")
        if wish == "raise":
            raise ConnectionError("the session store is gone")
        if wish == "answer":
            return HttpResponse("early", status=429)
        return self.get_response(request)

    def process_view(self, request, _view, _args, _kwargs):
        wish = request.headers.get("X-Sabotage")
        if wish == "view-answer":
            return HttpResponse("no", status=503)
        if wish == "view-slow":
            time.sleep(0.15)
        return None
