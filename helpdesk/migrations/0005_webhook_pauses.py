from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("helpdesk", "0004_campaign_engine")]
    operations = [
        migrations.AddField(
            model_name="webhookendpoint",
            name="failures",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="webhookendpoint",
            name="paused_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
