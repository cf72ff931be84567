/** Run by the socket test in a slow network: pushes more than any send buffer holds, and says how many were dropped. */
import { endpointOf } from "../core/endpoint.ts";
import { openLinuxSocket } from "../send/socket_linux.ts";

const COUNT = 5000;
using socket = openLinuxSocket({ address: "0.0.0.0", port: 0, descriptor: -1, dscp: 46 });
const to = endpointOf("10.99.0.2", 5004), begun = performance.now();
for (let i = 0; i < COUNT; i++) socket.push(1000, to);
socket.flush();
console.log(JSON.stringify({ sent: COUNT, dropped: socket.dropped, ms: performance.now() - begun }));
