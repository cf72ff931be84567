/**
 * The same application over TLS, beside HTTP: browsers give shared memory, and with it listening, to pages that come so.
 * In: `--https`. Out: a server, whose certificate is looked after once a day. Control worker; allocates.
 */
import { logger } from "../core/log.ts";
import type { ControlOptions } from "../core/messages.ts";
import type { ControlApp } from "./app.ts";
import { ownCertificate, ownSubjects } from "./certificate.ts";
import { type HttpServer, type ServerLimits, startServer, type Upgrade } from "./server.ts";

const DAY_MS = 86_400_000;

export interface SecureServer extends HttpServer {
  /** Takes another certificate if the machine has other addresses by now, or time is nearly up. */
  renewIfDue(time: number): Promise<void>;
}

/** null: nobody asked for it. @throws Error that names address and port. */
export async function startSecureServer(
  app: ControlApp,
  { https, publicHost, stateDir }: ControlOptions,
  upgrades: readonly Upgrade[],
  limits: ServerLimits | undefined,
  timers: boolean,
): Promise<SecureServer | null> {
  if (!https) return null;
  const log = logger("control");
  const current = (time: number) => ownCertificate(stateDir, ownSubjects(publicHost), time, (text) => log.warn(text));
  let certificate = https.given ?? await current(Date.now());
  const server = await startServer(app, https.address, https.port, upgrades, limits, certificate);
  const renewIfDue = async (time: number) => {
    if (https.given) return;
    const next = await current(time);
    if (next.cert === certificate.cert) return;
    server.renew(certificate = next);
    log.info("The page has a new certificate: phones warn once more.");
  };
  const look = () => renewIfDue(Date.now()).catch((error) => log.warn(`cannot renew the certificate: ${error}`));
  const timer = timers ? setInterval(look, DAY_MS) : undefined;
  return {
    ...server,
    renewIfDue,
    stop: async (ms) => {
      clearInterval(timer);
      await server.stop(ms);
    },
  };
}
