# One image for every process type of the Procfile.
ARG PYTHON=python:3.12-slim-bookworm

FROM ${PYTHON} AS dependencies
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /venv
COPY requirements/runtime.txt /tmp/runtime.txt
# A wheel whose hash is not in the file stops the build; nothing is built from source.
RUN /venv/bin/pip install --require-hashes --only-binary=:all: --no-deps -r /tmp/runtime.txt

FROM ${PYTHON} AS static
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1
COPY --from=dependencies /venv /venv
WORKDIR /app
COPY . .
# Production settings, because only they write the manifest; the values live as long as this line.
RUN ENVIRONMENT=production ALLOWED_HOSTS=build.invalid \
    SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(64))')" \
    PROVIDER_TOKEN=build PROVIDER_WEBHOOK_SECRET=build \
    python manage.py collectstatic --noinput

FROM ${PYTHON} AS runtime
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ENVIRONMENT=production \
    HOST=0.0.0.0 \
    PORT=8080 \
    PROMETHEUS_MULTIPROC_DIR=/metrics
RUN groupadd --gid 10001 desk \
    && useradd --uid 10001 --gid desk --no-create-home --shell /usr/sbin/nologin desk \
    && install -d -o desk -g desk -m 0700 /metrics /app/.run/media
COPY --from=dependencies /venv /venv
COPY --from=static /app /app
WORKDIR /app
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
# No HEALTHCHECK: only one process type answers HTTP; docker-compose.qa.yml says which.
CMD ["python", "-m", "config.web"]
