"""Create the objectives that `settings.SLO["DEFAULT_OBJECTIVES"]` names (a dotted path to a list of
field values). One that exists is never touched: its owner may have edited it."""

from django.conf import settings
from django.db import migrations
from django.utils.module_loading import import_string


def create_default_objectives(apps, _schema_editor):
    path = getattr(settings, "SLO", {}).get("DEFAULT_OBJECTIVES")
    objectives = apps.get_model("slo", "Objective").objects
    for fields in import_string(path) if path else ():
        objectives.get_or_create(name=fields["name"], defaults=fields)


class Migration(migrations.Migration):
    dependencies = [("slo", "0001_initial")]
    operations = [
        migrations.RunPython(create_default_objectives, migrations.RunPython.noop, elidable=True)
    ]
