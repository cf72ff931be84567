/**
 * The STUN transactions that a session has seen, so that a recorded binding can't be replayed from elsewhere to steal the
 * media. Bounded: an hour of one binding a second, oldest forgotten first; gone with the send worker.
 */
import { type Endpoint, ENDPOINT_BYTES } from "../core/endpoint.ts";

const REMEMBERED = 4096;
const ID_BYTES = 12;
const ENTRY = ID_BYTES + ENDPOINT_BYTES;

export const enum Admission {
  /** Seen from another endpoint. */
  Refused,
  /** Seen from this one: a retransmission (RFC 8489 section 6.2.1), or a copy that the network kept. */
  Again,
  New,
}

export class TransactionMemory {
  #entries: Uint8Array = new Uint8Array(64 * ENTRY);
  #count = 0;

  /** Remembers a transaction. */
  admit(id: Uint8Array, from: Endpoint): Admission {
    const kept = Math.min(this.#count, REMEMBERED);
    for (let i = 0; i < kept; i++) {
      const at = i * ENTRY;
      if (!matches(this.#entries, at, id, ID_BYTES)) continue;
      return matches(this.#entries, at + ID_BYTES, from, ENDPOINT_BYTES) ? Admission.Again : Admission.Refused;
    }
    const at = (this.#count++ % REMEMBERED) * ENTRY;
    if (at + ENTRY > this.#entries.length) {
      const larger = new Uint8Array(2 * this.#entries.length);
      larger.set(this.#entries);
      this.#entries = larger;
    }
    this.#entries.set(id, at);
    this.#entries.set(from, at + ID_BYTES);
    return Admission.New;
  }
}

function matches(entries: Uint8Array, at: number, bytes: Uint8Array, count: number): boolean {
  for (let i = 0; i < count; i++) if (entries[at + i] !== bytes[i]) return false;
  return true;
}
