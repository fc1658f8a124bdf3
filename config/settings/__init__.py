"""
Settings, one module a subject; `ENVIRONMENT` and `CHAOS_ENABLED` decide what is added.

The star imports below take only upper-case names of modules in this folder; a later one wins.
"""

from config import env, metric_files

metric_files.name_by_host()  # before anything that makes a metric is imported

from config.settings.admin import *
from config.settings.base import *
from config.settings.celery import *
from config.settings.helpdesk import *
from config.settings.logs import *
from config.settings.redis import *
from config.settings.rest import *
from config.settings.slo import *

if env.CHAOS_ENABLED:
    from config.settings.with_chaos import *

if not env.IS_PRODUCTION:
    INSTALLED_APPS = [*INSTALLED_APPS, "qa_seed"]
