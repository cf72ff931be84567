/** Opus packets as an Ogg file (RFC 3533, RFC 7845), a page for each. For tests; allocates. */

const SERIAL = 1, BEGINNING = 2, END = 4;

/** Ogg's checksum: 0x04c11db7, highest bit first, nothing inverted. */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes) {
    sum ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) sum = sum < 0 ? (sum << 1) ^ 0x04c11db7 : sum << 1;
  }
  return sum >>> 0;
}

function page(packet: Uint8Array, number: number, samples: number, flags: number): Uint8Array {
  const lacing = [...Array(Math.floor(packet.length / 255)).fill(255), packet.length % 255];
  const bytes = new Uint8Array(27 + lacing.length + packet.length), view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode("OggS"));
  bytes[5] = flags;
  view.setBigUint64(6, BigInt(samples), true);
  view.setUint32(14, SERIAL, true);
  view.setUint32(18, number, true);
  bytes[26] = lacing.length;
  bytes.set(lacing, 27);
  bytes.set(packet, 27 + lacing.length);
  view.setUint32(22, checksum(bytes), true);
  return bytes;
}

/** Packets of `frame` samples at 48 kHz; nothing is skipped at their beginning. */
export function oggOpus(packets: readonly Uint8Array[], channels: number, frame: number): Uint8Array {
  const text = (word: string) => [...new TextEncoder().encode(word)];
  const head = Uint8Array.from([...text("OpusHead"), 1, channels, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0]);
  const tags = Uint8Array.from([...text("OpusTags"), 0, 0, 0, 0, 0, 0, 0, 0]);
  const pages = [
    page(head, 0, 0, BEGINNING),
    page(tags, 1, 0, 0),
    ...packets.map((packet, i) => page(packet, i + 2, (i + 1) * frame, i === packets.length - 1 ? END : 0)),
  ];
  const file = new Uint8Array(pages.reduce((bytes, { length }) => bytes + length, 0));
  let at = 0;
  for (const bytes of pages) {
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}
