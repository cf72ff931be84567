# Foldback in a container: the sound card comes in with --device /dev/snd, real-time priority with --cap-add SYS_NICE.
#   docker build -t foldback .
#   docker run --network host --device /dev/snd --group-add audio --cap-add SYS_NICE --ulimit rtprio=95 foldback
ARG BASE=debian:12-slim
ARG NODE=node:22-bookworm-slim

# Deno, as npm has it.
FROM ${NODE} AS deno
ARG DENO_VERSION=2.9.6
RUN npm install --global --no-fund --no-audit --no-update-notifier "deno@${DENO_VERSION}" \
 && install -m 0755 "$(deno eval 'console.log(Deno.execPath())')" /deno

# What the server needs of npm, exactly as locked.
FROM ${BASE} AS modules
COPY --from=deno /deno /usr/local/bin/deno
ENV DENO_DIR=/opt/deno
WORKDIR /opt/foldback
COPY . .
RUN deno install --frozen --entrypoint \
      main.ts capture/worker.ts workers/send_worker.ts control/worker.ts listen/worker.ts bench/receivers.ts

FROM ${BASE}
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends libportaudio2 libasound2-plugins \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --user-group --groups audio --home-dir /var/lib/foldback --create-home foldback
COPY --from=deno /deno /usr/local/bin/deno
COPY --from=modules --chown=foldback:foldback /opt/deno /opt/deno
COPY --from=modules /opt/foldback /opt/foldback
ENV DENO_DIR=/opt/deno DENO_NO_UPDATE_CHECK=1 XDG_STATE_HOME=/var/lib
WORKDIR /opt/foldback
USER foldback
# Join code and engineer key.
VOLUME /var/lib/foldback
# The console; one media port for each send worker (four workers; --network host needs none of these).
EXPOSE 5100/tcp 5101-5104/udp
STOPSIGNAL SIGTERM
# The permissions of `deno task start`, without a shell between: Docker's signals reach the server itself.
ENTRYPOINT ["deno", "run", "--no-prompt", "--cached-only", "--allow-ffi", "--allow-net", "--allow-read", "--allow-write", \
  "--allow-env=AUDIO_SEND_POOL_SIZE,HOME,USERPROFILE,XDG_STATE_HOME", "--allow-sys=networkInterfaces", "main.ts"]
CMD ["start"]
