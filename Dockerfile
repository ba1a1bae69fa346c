# The image of the experiment, and of the writer's and the reader's pods. The test cluster
# builds its own image from the last stage of this file.
ARG GO=1.26
ARG BUSYBOX=1.37

FROM golang:${GO} AS build
WORKDIR /src
COPY . .
RUN make binaries BIN=/out

# Litmus runs the command probes in this image with /bin/sh, so it needs a shell.
FROM busybox:${BUSYBOX}
LABEL org.opencontainers.image.title="volume-durability" \
      org.opencontainers.image.description="Checks that Kubernetes storage keeps every acknowledged record when the pod that wrote it is deleted" \
      org.opencontainers.image.source="https://github.com/volume-durability/volume-durability" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/volume-durability /out/durability-helper /usr/local/bin/
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/volume-durability"]
CMD ["experiment"]
