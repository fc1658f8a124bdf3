from django.http import HttpResponse
from django.urls import path

from chaos import kernel


def hit(_request):
    """Meet a fault as a call deep inside a view would."""
    kernel.pick("redis", {"scope": "cache"})
    return HttpResponse("hit")


urlpatterns = [path("hit", hit)]
