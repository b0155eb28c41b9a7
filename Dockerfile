# An image with nothing in it but the cairn program, run as a user without rights.
#
#     docker build -t cairn .
#     docker run -v cairn:/data -p 21333:21333 cairn
#
# The base images are arguments, so that a machine without a registry can build on stand-ins of its own:
# see scripts/base-images.sh. Nothing here needs BuildKit.
ARG BUILD_IMAGE=golang:1.26-bookworm
ARG RUN_IMAGE=gcr.io/distroless/static-debian12

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
# Where modules come from: "off" takes only what the build image has in its module cache.
ARG GOPROXY=
ARG GOFLAGS=
ENV CGO_ENABLED=0 GOTOOLCHAIN=local
# What changes seldom comes first: modules, and the largest of them compiled. A change of the program
# then compiles only the program.
COPY go.mod go.sum ./
RUN go mod download
RUN go build -trimpath \
    github.com/dgraph-io/badger/v4 \
    github.com/prometheus/client_golang/prometheus/promhttp \
    github.com/urfave/cli/v2
COPY . .
RUN go build -trimpath -ldflags='-s -w' -o /out/cairn ./cmd/cairn && mkdir /out/data && chmod 700 /out/data

FROM ${RUN_IMAGE}
COPY --from=build /out/cairn /usr/local/bin/cairn
# A number, so that an orchestrator can see that it is not root. Volumes take the folder's owner over.
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
# The log goes to standard error, metrics and health to whoever can reach the container. RPC stays on the
# container's loopback: `docker exec NAME cairn rpc getblockcount`.
ENV CAIRN_HOME=/data CAIRN_LOG_FILE=- CAIRN_HTTP_LISTEN=0.0.0.0:21380 CAIRN_HEALTH_URL=http://127.0.0.1:21380
VOLUME /data
# Peers, RPC, metrics and health.
EXPOSE 21333 21332 21380
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/usr/local/bin/cairn", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/cairn"]
CMD ["node"]
