# docker build --tag sockcrud .          docs/operations.md says how to run it.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
RUN apt-get update && apt-get install --yes --no-install-recommends python3 python3-venv
WORKDIR /src
# What the daemon runs on changes less often than the daemon: a layer of its own.
COPY requirements.lock ./
RUN python3 -m venv /opt/sockcrud && /opt/sockcrud/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY setup.cfg pyproject.toml README.md LICENSE ./
COPY sockcrud sockcrud
COPY twisted twisted
# The last two: pip has nothing to do in an image, and Twisted's cache of plugins is to be there before a user who may
# not write it looks for one.
RUN /opt/sockcrud/bin/pip install --no-cache-dir --no-deps . \
    && /opt/sockcrud/bin/pip uninstall --yes --quiet setuptools pip \
    && /opt/sockcrud/bin/twistd --help > /dev/null

FROM ${BASE}
RUN apt-get update && apt-get install --yes --no-install-recommends python3 && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/sockcrud --create-home --shell /usr/sbin/nologin sockcrud
COPY --from=build /opt/sockcrud /opt/sockcrud
COPY deploy/container/tap.cfg /etc/sockcrud/tap.cfg
ENV PATH=/opt/sockcrud/bin:$PATH PYTHONDONTWRITEBYTECODE=1
USER sockcrud
WORKDIR /var/lib/sockcrud
VOLUME /var/lib/sockcrud
EXPOSE 5000 5001 5002 5003 5004 5080 8000 8080 9999 50000
# The answer of the admin port: whether all listens, and whether the store can be reached.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["sockcrud", "status", "--at", "127.0.0.1:8000"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["sockcrud"]
CMD ["serve", "--config", "/etc/sockcrud/tap.cfg"]
