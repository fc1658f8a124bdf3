"""A project that has nothing but `slo`: what the app needs, and all it needs."""

import os

import environ

SECRET_KEY = "only-for-tests-and-of-no-value-elsewhere"
USE_TZ = True
APPEND_SLASH = False  # the API is mounted at "slo" and has addresses below it
DATABASES = {"default": environ.Env.db_url_config(os.environ["DATABASE_URL"])}
INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "rest_framework",
    "slo",
]
MIDDLEWARE = [
    "slo.instruments.http.BeforeMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "slo.instruments.http.AfterMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
ROOT_URLCONF = "slo.tests.project.urls"
STATIC_URL = "/static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PROMETHEUS_LATENCY_BUCKETS = (0.1, 0.35, 1.0, float("inf"))
SLO = {"DEFAULT_OBJECTIVES": "slo.tests.project.objectives.OBJECTIVES"}
