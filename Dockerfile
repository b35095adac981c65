# pttrace in a container: docker build -t pttrace . && docker run --rm -v "$PWD:/traces" pttrace replay trace.txt.gz
FROM docker.io/library/node:22-bookworm-slim AS build
WORKDIR /src
COPY . .
RUN npm ci && npm pack --ignore-scripts --pack-destination /tmp

FROM docker.io/library/node:22-bookworm-slim
# xz is unpacked by a program; gzip and zstd by Node.
RUN apt-get update \
  && apt-get install -y --no-install-recommends xz-utils \
  && rm -rf /var/lib/apt/lists/*
COPY --from=build /tmp/pttrace-*.tgz /tmp/
RUN npm install --global --omit=dev /tmp/pttrace-*.tgz \
  && rm /tmp/pttrace-*.tgz \
  && npm cache clean --force
USER node
WORKDIR /traces
ENTRYPOINT ["pttrace"]
