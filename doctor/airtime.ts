/**
 * How much of a WiFi channel's time packets take: the arithmetic of IEEE 802.11, for one access point that sends and
 * nobody else on the channel, nothing lost and sent again. In: packets a second, their size, a rate. Out: a share.
 * Pure; any thread; allocates nothing.
 *
 * ```
 * one packet = AIFS + mean backoff + preamble + ⌈(16 + 8·bytes + 6) / bits of a symbol⌉ symbols + SIFS + acknowledgement
 * share      = packets a second × one packet
 * ```
 *
 * - Our packets are marked EF. Access points that take the user priority from the first three bits of the DSCP, which is
 *   the common default (RFC 8325 section 2.3), send them as video: AIFSN 1 and CWmin 7 for an access point (IEEE
 *   802.11-2020 table of the default EDCA parameters, section 10.23.2; hostapd's `tx_queue_data1`). As voice (RFC 8325's
 *   own advice) a packet takes 18 µs less.
 * - Slot 9 µs; SIFS 16 µs at 5 GHz, 10 µs at 2.4 GHz, where each OFDM transmission also has 6 µs of silence behind it.
 * - Preambles for one spatial stream: HT-mixed 36 µs (clause 19), VHT 40 µs (clause 21), HE 43.2 µs (802.11ax-2021
 *   clause 27, 2× LTF). 16 service bits, 6 tail bits.
 * - Acknowledgements at 24 Mb/s: ACK of 14 bytes 28 µs, compressed block ACK of 32 bytes 32 µs.
 */

const SLOT_US = 9;
const AIFSN = 1, CW_MIN = 7;
const SERVICE_AND_TAIL_BITS = 22;
/** An OFDM transmission without data: legacy preamble and SIGNAL. */
const LEGACY_PREAMBLE_US = 20, LEGACY_SYMBOL_US = 4, LEGACY_SYMBOL_BITS = 96;
const ACK_BYTES = 14, BLOCK_ACK_BYTES = 32;
/** QoS header 26, CCMP 8 + 8, FCS 4, LLC and SNAP 8, IPv4 20, UDP 8. */
export const PACKET_OVERHEAD_BYTES = 82;
const DELIMITER_BYTES = 4;

export interface Rate {
  readonly id: string;
  readonly name: string;
  readonly band: "2.4 GHz" | "5 GHz";
  readonly mbps: number;
  readonly preambleUs: number;
  readonly symbolUs: number;
  readonly symbolBits: number;
  /** VHT and HE send even a single packet as an A-MPDU of one. */
  readonly alwaysAggregate: boolean;
}

const rate = (
  id: string,
  name: string,
  band: Rate["band"],
  preambleUs: number,
  symbolUs: number,
  symbolBits: number,
  alwaysAggregate: boolean,
): Rate => ({ id, name, band, mbps: symbolBits / symbolUs, preambleUs, symbolUs, symbolBits, alwaysAggregate });

/** Common ones, one spatial stream each: MCS 3 is a phone at the far side of a stage, MCS 7 one near the access point. */
export const RATES = {
  n3: rate("n3", "802.11n, 20 MHz, MCS 3", "2.4 GHz", 36, 4, 104, false),
  n7: rate("n7", "802.11n, 20 MHz, MCS 7", "2.4 GHz", 36, 4, 260, false),
  ac3: rate("ac3", "802.11ac, 80 MHz, MCS 3", "5 GHz", 40, 4, 468, true),
  ac7: rate("ac7", "802.11ac, 80 MHz, MCS 7", "5 GHz", 40, 4, 1170, true),
  ax3: rate("ax3", "802.11ax, 80 MHz, MCS 3", "5 GHz", 43.2, 13.6, 1960, true),
  ax7: rate("ax7", "802.11ax, 80 MHz, MCS 7", "5 GHz", 43.2, 13.6, 4900, true),
} as const satisfies Record<string, Rate>;

const sifsUs = ({ band }: Rate): number => band === "5 GHz" ? 16 : 10;
const signalExtensionUs = ({ band }: Rate): number => band === "5 GHz" ? 0 : 6;

function acknowledgementUs(rate: Rate, together: number): number {
  const bits = SERVICE_AND_TAIL_BITS + 8 * (together > 1 ? BLOCK_ACK_BYTES : ACK_BYTES);
  return LEGACY_PREAMBLE_US + Math.ceil(bits / LEGACY_SYMBOL_BITS) * LEGACY_SYMBOL_US + signalExtensionUs(rate);
}

/**
 * Microseconds that a channel is taken by packets of `bytes` of UDP payload, `together` of them in one transmission
 * (A-MPDU; 1: each alone), from the moment the channel became free to the end of the acknowledgement.
 */
export function exchangeUs(rate: Rate, bytes: number, together = 1): number {
  let packet = bytes + PACKET_OVERHEAD_BYTES;
  if (rate.alwaysAggregate || together > 1) packet = Math.ceil((packet + DELIMITER_BYTES) / 4) * 4;
  const symbols = Math.ceil((SERVICE_AND_TAIL_BITS + 8 * packet * together) / rate.symbolBits);
  const data = rate.preambleUs + symbols * rate.symbolUs + signalExtensionUs(rate);
  const wait = sifsUs(rate) + AIFSN * SLOT_US + CW_MIN / 2 * SLOT_US;
  return wait + data + sifsUs(rate) + acknowledgementUs(rate, together);
}

/** Part of a channel's time: 1 is all of it, and more can't be had. */
export const airtimeShare = (rate: Rate, packetsPerSecond: number, bytes: number, together = 1): number =>
  packetsPerSecond / together * exchangeUs(rate, bytes, together) / 1e6;
