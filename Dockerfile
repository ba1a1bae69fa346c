# The image of the experiment, the writer and the reader. The last stage also describes the
# image of the test cluster, which is built without Docker.
ARG GO=1.26
ARG BUSYBOX=1.37

FROM golang:${GO} AS build
WORKDIR /src
COPY . .
RUN make binaries BIN=/out

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
