#!/bin/sh
# Print a file of fresh random secrets for docker-compose.qa.yml:
#   monitoring/new-secrets.sh > .env.qa
# Slack's address is the only value that somebody else has to give you; without it no message
# reaches Slack, and everything else works.
set -eu
umask 077

random() {
    # 32 bytes as hexadecimal: safe in a URL, in a file and in a shell.
    od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
}

for name in SECRET_KEY POSTGRES_PASSWORD REDIS_PASSWORD METRICS_TOKEN PROVIDER_TOKEN \
    GRAFANA_ADMIN_PASSWORD ALERT_SMTP_PASSWORD ALERT_WEBHOOK_TOKEN; do
    printf '%s=%s\n' "$name" "$(random)"
done
printf 'PROVIDER_WEBHOOK_SECRET=whsec_%s\n' "$(head -c 24 /dev/urandom | base64)"
printf 'ALERT_SLACK_URL=%s\n' "${ALERT_SLACK_URL:-https://slack.invalid/not-set}"
