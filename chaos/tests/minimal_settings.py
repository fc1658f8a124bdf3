"""A project that has chaos and hardly anything else: proof that chaos needs nothing of ours."""

import os

import environ

SECRET_KEY = "only-for-tests-of-the-minimal-project"
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "chaos",
]
MIDDLEWARE = [
    "chaos.points.http.ExemptionMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "chaos.points.http.ChaosMiddleware",
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
            ]
        },
    }
]
DATABASES = {"default": environ.Env.db_url_config(os.environ["DATABASE_URL"])}
DATABASES["default"]["TEST"] = {"NAME": f"test_chaos_minimal_{os.getpid()}"}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "chaos.tests.minimal_urls"
# Tests sign in often and guard nothing.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
APPEND_SLASH = False
STATIC_URL = "/static/"
USE_TZ = True
CHAOS = {"PROBES": "chaos.tests.probing.PROBES"}
