# One file, two images: `web` (labeling, dashboard, orchestrator, webhooks, recorder, migrate, simulate: no torch) and
# `train` (the workers).
FROM python:3.11-slim AS base
ENV PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_CACHE_DIR=1
RUN groupadd --gid 10001 prefloop \
    && useradd --uid 10001 --gid prefloop --create-home prefloop \
    && mkdir /data \
    && chown prefloop:prefloop /data
WORKDIR /app
COPY constraints.txt ./

FROM base AS web
ARG EXTRAS=""
COPY pyproject.toml README.md LICENSE ./
COPY migrations migrations
COPY services services
COPY shared shared
RUN pip install --constraint constraints.txt ".[simulate${EXTRAS}]" && rm -rf /app/*
USER prefloop

FROM base AS train
# torch alone first: the largest layer, and the one that changes least
RUN pip install --constraint constraints.txt "$(grep '^torch==' constraints.txt)"
ARG EXTRAS=""
COPY pyproject.toml README.md LICENSE ./
COPY migrations migrations
COPY services services
COPY shared shared
RUN pip install --constraint constraints.txt ".[train,data${EXTRAS}]" && rm -rf /app/*
USER prefloop
