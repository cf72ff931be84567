/**
 * Are datagrams really marked, so that an access point prefers them? Sent over loopback and looked at as they arrive.
 * In: the plan. Out: a finding. Main isolate; allocates.
 */
import { openMediaSocket } from "../send/open_socket.ts";
import { type Check, type Finding, green, yellow } from "./check.ts";
import { dscpAsSent } from "./marks.ts";
import type { Plan } from "./plan.ts";

const EF = 46;
const nameOf = (dscp: number): string => dscp === EF ? "46 (EF)" : String(dscp);

function look({ start: { dscp, http: { address } } }: Plan): Finding {
  if (Deno.build.os !== "linux") {
    return yellow(
      `datagrams aren't marked on ${Deno.build.os}`,
      "a Linux machine; or let the access point prefer what comes from this address",
      { asked: dscp, arrived: null },
    );
  }
  using socket = openMediaSocket({ address, port: 0, descriptor: -1, dscp });
  const targets = address === "::" ? ["127.0.0.1", "::1"] : [address === "0.0.0.0" ? "127.0.0.1" : address];
  const arrived = targets.map((target) => ({ target, dscp: dscpAsSent(socket, target) }));
  const values = { asked: dscp, arrived };
  const seen = arrived.filter((one) => one.dscp !== null);
  const wrong = seen.find((one) => one.dscp !== dscp);
  if (seen.length === 0) {
    return yellow("no datagram came through loopback: its mark can't be seen", "look at the firewall's rules", values);
  }
  if (wrong) {
    return yellow(
      `--dscp ${nameOf(dscp)} is asked for, ${wrong.dscp} arrives at ${wrong.target}`,
      "a firewall rule marks anew (nft list ruleset, iptables -t mangle -L), or a container's runtime refuses the option",
      values,
    );
  }
  if (dscp === 0) {
    return yellow("datagrams carry no mark (--dscp 0)", "leave --dscp out: WiFi then prefers them", values);
  }
  return green(
    `datagrams carry DSCP ${nameOf(dscp)}, seen as they arrive at ${seen.map(({ target }) => target).join(", ")}`,
    values,
  );
}

/** The mark of what is sent. */
export const dscp: Check = { id: "dscp", run: look };
