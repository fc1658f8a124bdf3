from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("helpdesk", "0002_webhooks_settings_audit_campaigns")]
    operations = [
        migrations.AddField(
            model_name="dailymetric",
            name="first_responses",
            field=models.PositiveIntegerField(default=0),
        ),
    ]
