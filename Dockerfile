# UNTESTED: no container engine was at hand. docs/serve.md shows how it is meant to be used.

FROM python:3.12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends build-essential cargo rustc
WORKDIR /source
COPY Cargo.toml Cargo.lock pyproject.toml LICENSE README.md ./
COPY rust rust
COPY python python
RUN pip wheel --no-cache-dir --wheel-dir /wheels '.[serve]'

FROM python:3.12-slim
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels 'quotetune[serve]'
USER nobody
EXPOSE 8000
# Inside the container 127.0.0.1 is the container, so it listens on all addresses and needs a token.
ENTRYPOINT ["quotetune", "serve", "--host", "0.0.0.0", "--auth-token-file", "/token"]
CMD ["/index"]
