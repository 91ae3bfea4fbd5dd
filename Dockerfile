# rtplat and the Node that it runs on, with a busybox for whoever looks inside; nothing else, and no user but its own.
#
#   docker build --tag rtplat .
#   docker run --rm --network host rtplat echo

FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
COPY scripts/setup.sh scripts/npm-on-old-node.cjs scripts/
RUN sh scripts/setup.sh
COPY . .
RUN sh scripts/build.sh --clean

FROM node:24-bookworm-slim AS production
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

# The file system of the image: Node with the libraries that it and the native parts link, found by the linker itself.
FROM node:24-bookworm-slim AS files
RUN apt-get update \
 && apt-get install --yes --no-install-recommends busybox-static \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /image
COPY --from=production /build/node_modules opt/rtplat/node_modules
RUN mkdir -p bin etc tmp usr/bin usr/local/bin var/lib/rtplat run/rtplat \
 && cp /usr/local/bin/node usr/local/bin/ \
 && find usr/local/bin opt/rtplat/node_modules '(' -name node -o -name '*.node' ')' -exec ldd '{}' + 2>/dev/null \
  | awk '$3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }' | sort -u | xargs -I '{}' cp --dereference --parents '{}' . \
 && cp /bin/busybox bin/ \
 && for name in $(/bin/busybox --list); do ln -s busybox "bin/$name"; done \
 && ln -s /bin/env usr/bin/env \
 && ln -s /opt/rtplat/dist/bin/rtplat.js usr/local/bin/rtplat \
 && echo 'hosts: files dns' >etc/nsswitch.conf \
 && printf 'root:x:0:0::/:/bin/false\nrtplat:x:10001:10001::/var/lib/rtplat:/bin/sh\n' >etc/passwd \
 && printf 'root:x:0:\nrtplat:x:10001:\n' >etc/group \
 && chmod 1777 tmp \
 && chown 10001:10001 var/lib/rtplat
COPY scripts/healthcheck.ts LICENSE THIRD-PARTY-NOTICES.txt package.json opt/rtplat/
COPY schema opt/rtplat/schema
COPY --from=build /build/dist opt/rtplat/dist
RUN chmod 755 opt/rtplat/dist/bin/rtplat.js

FROM scratch
LABEL org.opencontainers.image.title="rtplat" \
      org.opencontainers.image.description="RTP round trips, measured: echo, relay for Asterisk, SIP server, probe and report" \
      org.opencontainers.image.licenses="MIT"
COPY --from=files /image/ /
ENV PATH=/usr/local/bin:/bin NODE_ENV=production
USER 10001:10001
WORKDIR /var/lib/rtplat
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["node", "/opt/rtplat/healthcheck.ts"]
ENTRYPOINT ["rtplat"]
CMD ["--help"]
