/**
 * The jitter buffer's store: Opus packets in the order of their timestamps, whatever order they came in. In: packets, with
 * timestamps that no longer wrap. Out: the packet for a given moment. Room is fixed and taken at the start. The
 * listener's audio thread; allocates nothing after the constructor.
 */

/** Packets that fit: 640 ms of the shortest frames. */
export const CAPACITY = 256;
/** The contract's largest datagram is 1452 bytes. */
const PACKET_BYTES = 1500;

export const enum Insertion {
  Stored,
  /** Stored in place of the copy that had come first. */
  Replaced,
  /** There already. */
  Duplicate,
  /** No room, or too long to be a packet of ours. */
  Refused,
}

export class JitterStore {
  /** Packet i begins at i × PACKET_BYTES. */
  readonly bytes = new Uint8Array(CAPACITY * PACKET_BYTES);
  readonly #lengths = new Uint16Array(CAPACITY);
  readonly #timestamps = new Float64Array(CAPACITY);
  readonly #copies = new Uint8Array(CAPACITY);
  /** Places of packets: the first {@link count} in the order of their timestamps, then the free ones. */
  readonly #order = new Uint16Array(CAPACITY).map((_, i) => i);
  count = 0;

  /** @hot `copy`: repeated from an earlier packet; the packet itself takes its place should it still come. */
  insert(packet: Uint8Array, at: number, length: number, timestamp: number, copy: boolean): Insertion {
    const order = this.#order, timestamps = this.#timestamps;
    if (length === 0 || length > PACKET_BYTES) return Insertion.Refused;
    let place = this.count;
    while (place > 0 && timestamps[order[place - 1]] > timestamp) place--;
    if (place > 0 && timestamps[order[place - 1]] === timestamp) {
      const slot = order[place - 1];
      if (copy || this.#copies[slot] === 0) return Insertion.Duplicate;
      this.#copies[slot] = 0;
      return Insertion.Replaced;
    }
    if (this.count === CAPACITY) return Insertion.Refused;
    const slot = order[this.count];
    for (let i = this.count; i > place; i--) order[i] = order[i - 1];
    order[place] = slot;
    this.count++;
    timestamps[slot] = timestamp;
    this.#lengths[slot] = length;
    this.#copies[slot] = copy ? 1 : 0;
    for (let i = 0, to = slot * PACKET_BYTES; i < length; i++) this.bytes[to + i] = packet[at + i];
    return Insertion.Stored;
  }

  /** @hot Timestamp of the earliest packet; Infinity without any. */
  get first(): number {
    return this.count === 0 ? Infinity : this.#timestamps[this.#order[0]];
  }
  /** @hot Where the earliest packet begins in {@link bytes}; as long as nothing is inserted. */
  get firstAt(): number {
    return this.#order[0] * PACKET_BYTES;
  }
  /** @hot */
  get firstLength(): number {
    return this.#lengths[this.#order[0]];
  }
  /** @hot */
  get firstIsCopy(): boolean {
    return this.#copies[this.#order[0]] === 1;
  }
  /** @hot Gives the earliest packet's place free. */
  drop(): void {
    const order = this.#order, slot = order[0], last = --this.count;
    for (let i = 0; i < last; i++) order[i] = order[i + 1];
    order[last] = slot;
  }
  clear(): void {
    this.count = 0;
  }
}
