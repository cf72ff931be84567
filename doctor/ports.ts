/**
 * Are the ports free? Opened as the server would, and closed. In: the plan. Out: a finding. Main isolate; allocates.
 */
import { openMediaSocket } from "../send/open_socket.ts";
import { type Check, type Finding, green, reasonOf, red } from "./check.ts";
import type { Plan } from "./plan.ts";

/** null: free; else why not. */
function tcpRefusal(address: string, port: number): string | null {
  try {
    Deno.listen({ hostname: address, port }).close();
    return null;
  } catch (error) {
    // A kernel without IPv6: the server takes IPv4 alone then.
    if (
      address === "::" && !(error instanceof Deno.errors.AddrInUse) && !(error instanceof Deno.errors.PermissionDenied)
    ) {
      return tcpRefusal("0.0.0.0", port);
    }
    if (error instanceof Deno.errors.NotCapable) throw error;
    return error instanceof Deno.errors.AddrInUse ? "in use" : reasonOf(error);
  }
}

function udpRefusal(address: string, port: number, dscp: number): string | null {
  try {
    openMediaSocket({ address, port, descriptor: -1, dscp })[Symbol.dispose]();
    return null;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    const reason = reasonOf(error);
    return /in use/i.test(reason) ? "in use" : reason;
  }
}

function look({ start }: Plan): Finding {
  const workers = start.sendMode === "pool" ? start.poolSize.size : 1;
  const udp = start.mediaPort === 0 ? [] : Array.from({ length: workers }, (_, i) => start.mediaPort + i);
  const tcp = [{ flag: "--http", ...start.http }, ...(start.https ? [{ flag: "--https", ...start.https }] : [])];
  const problems: string[] = [], ways: string[] = [], busy: number[] = [];
  for (const { flag, address, port } of tcp) {
    const refusal = tcpRefusal(address, port);
    if (refusal === null) continue;
    busy.push(port);
    problems.push(`TCP ${port} is ${refusal === "in use" ? refusal : `refused: ${refusal}`} (${flag})`);
    ways.push(`choose another ${flag}, or end what has it (ss -lntp 'sport = :${port}')`);
  }
  const taken = udp.flatMap((port) => {
    const refusal = udpRefusal(start.http.address, port, start.dscp);
    return refusal === null ? [] : [{ port, refusal }];
  });
  if (taken.length > 0) {
    busy.push(...taken.map(({ port }) => port));
    const list = taken.map(({ port, refusal }) =>
      `${port} is ${refusal === "in use" ? refusal : `refused: ${refusal}`}`
    );
    problems.push(`UDP ${list.join(", ")} (--media-port)`);
    ways.push(`choose another --media-port, with ${workers} free from there on (ss -lnup shows who has them)`);
  }
  const values = { tcp: tcp.map(({ port }) => port), udp, busy };
  if (problems.length > 0) return red(problems.join("; "), ways.join("; "), values);
  const media = udp.length === 0 ? "any" : udp.length === 1 ? `${udp[0]}` : `${udp[0]} to ${udp.at(-1)}`;
  return green(`free: TCP ${tcp.map(({ port }) => port === 0 ? "any" : port).join(", ")}, UDP ${media}`, values);
}

/** TCP for HTTP and HTTPS, UDP for each send worker. */
export const ports: Check = { id: "ports", run: look };
