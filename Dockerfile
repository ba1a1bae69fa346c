# The image of the experiment, the writer and the reader. The last stage also describes the
# image of the test cluster, which is built without Docker. For all architectures of nodes:
# docker buildx build --platform linux/amd64,linux/arm64 --tag REGISTRY/volume-durability:TAG --push .
ARG GO=1.26
ARG BUSYBOX=1.37

# Go compiles for the other architecture, so the build runs on this machine's own.
FROM --platform=$BUILDPLATFORM golang:${GO} AS build
ARG TARGETOS
ARG TARGETARCH
WORKDIR /src
COPY . .
RUN GOOS=$TARGETOS GOARCH=$TARGETARCH make binaries BIN=/out

# Litmus runs command probes in this image with /bin/sh.
FROM busybox:${BUSYBOX}
LABEL org.opencontainers.image.title="volume-durability" \
      org.opencontainers.image.description="Tests that Kubernetes storage keeps acknowledged data when the pod that wrote it is deleted" \
      org.opencontainers.image.source="https://github.com/volume-durability/volume-durability" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/volume-durability /out/durability-helper /usr/local/bin/
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/volume-durability"]
CMD ["experiment"]
