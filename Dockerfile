# Foldback in a container. The README's "Docker" tells how to run it.
# The bases are pinned by tag; who needs the same bytes for ever appends @sha256:… to them.
ARG BASE=debian:12-slim
ARG DENO=denoland/deno:bin-2.9.6

FROM ${DENO} AS deno

# The program, and what it needs of npm exactly as locked: the container never asks a network for code.
FROM ${BASE} AS program
COPY --from=deno /deno /usr/local/bin/deno
ENV DENO_DIR=/opt/deno
WORKDIR /opt/foldback
COPY . .
# Packages that only tests use stay outside.
RUN deno remove --frozen=false \
      @seriousme/openapi-schema-validator @types/ws assemblyscript axe-core fast-check playwright-core werift-rtp \
 && deno install --frozen --entrypoint main.ts */*.ts

FROM ${BASE}
# The plugins' package depends on all of FFmpeg (190 MB) for the two plugins that are left out here.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends libportaudio2 libpulse0 libspeexdsp1 \
 && cd /tmp && apt-get download libasound2-plugins \
 && dpkg --extract libasound2-plugins_*.deb / \
 && rm -r /usr/lib/*/alsa-lib/*_pcm_a52.so /usr/lib/*/alsa-lib/*_rate_lavrate*.so \
      /usr/share/alsa/alsa.conf.d/*-a52-* /usr/share/alsa/alsa.conf.d/*-rate-lav.conf \
      /etc/alsa/conf.d/*-a52-* /etc/alsa/conf.d/*-rate-lav.conf \
      libasound2-plugins_*.deb /var/lib/apt/lists/* \
 && groupadd --gid 5100 foldback \
 && useradd --uid 5100 --gid foldback --groups audio --home-dir /var/lib/foldback --create-home --shell /usr/sbin/nologin \
      foldback \
 && chmod 0700 /var/lib/foldback
COPY --from=deno /deno /usr/local/bin/deno
COPY --from=program /opt /opt
ENV DENO_DIR=/opt/deno DENO_NO_UPDATE_CHECK=1 OTEL_DENO_METRICS=false XDG_STATE_HOME=/var/lib \
  DENO_V8_FLAGS=--heap-growing-percent=40,--min-semi-space-size=4,--max-semi-space-size=4,--no-memory-reducer
WORKDIR /opt/foldback
USER foldback
# Secrets, seats and scenes; nothing else is ever written, so the root may be read-only.
VOLUME /var/lib/foldback
# The console; one media port for each send worker (four workers; --network host needs none of these).
EXPOSE 5100/tcp 5101-5104/udp
STOPSIGNAL SIGTERM
# The permissions are those of the compiled binary. No shell between: signals reach the server itself.
ENTRYPOINT ["deno", "run", "--no-prompt", "--cached-only", "--allow-env", "--allow-ffi", "--allow-net", "--allow-read", \
  "--allow-run", "--allow-sys", "--allow-write", "main.ts"]
CMD ["start"]
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s \
  CMD ["deno", "run", "--no-prompt", "--cached-only", "--allow-env", "--allow-net", "--allow-read", "main.ts", "healthcheck"]
