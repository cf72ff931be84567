// @ts-check
/**
 * Our own moves from the finger to the server's answer: gathered, sent in order, and shown on top of the state until they
 * are answered. In: moves, answers. Out: messages to send; the state as it is shown. Browser's main thread.
 */
import { joined, merge } from "./merge.js";

/** Moves go out this often, so that ten fingers stay below the server's 200 messages a second. */
const SEND_MS = 33;
const MOST_AT_ONCE = 4;

/**
 * A change that isn't answered yet, and what it does to the state.
 * @typedef {{ id: number, message: any, part: any }} Move
 */

export class Moves {
  #send;
  #ids = 0;
  /** Sent, in order. @type {Move[]} */
  #unanswered = [];
  /** To be sent, by what may go together. @type {Map<string, Move>} */
  #outbox = new Map();
  /** @type {any} */
  #timer = 0;

  /** @param {(message: any) => void} send */
  constructor(send) {
    this.#send = send;
  }

  /**
   * Sends it at once, or soon, together with others of the same key.
   * @param {string} key what may go together: a seat and a gesture, a channel
   * @param {any} message with a `patch`, without `id`
   * @param {any} part the merge patch of the state that it will be
   */
  post(key, message, part) {
    const waiting = this.#outbox.get(key);
    if (waiting) {
      waiting.message.patch = joined(waiting.message.patch, message.patch);
      waiting.part = joined(waiting.part, part);
    } else this.#outbox.set(key, { id: this.#ids++, message, part });
    if (this.#timer === 0) this.#flush();
  }

  /**
   * The move that an ack or a refusal is about; it is shown no longer. Null: not one of this connection.
   * @param {number} id
   * @returns {Move | null}
   */
  answered(id) {
    const at = this.#unanswered.findIndex((move) => move.id === id);
    return at < 0 ? null : this.#unanswered.splice(at, 1)[0];
  }

  /** @param {any} state what the server has told @returns {any} with what isn't answered on top */
  over(state) {
    for (const { message, part } of [...this.#unanswered, ...this.#outbox.values()]) {
      // A seat that is gone meanwhile doesn't come back as a piece of one.
      if (message.seat === undefined || Object.hasOwn(state.seats, message.seat)) state = merge(state, part);
    }
    return state;
  }

  /** Forgets all: whether they were made, the next snapshot tells. */
  clear() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#unanswered = [];
    this.#outbox.clear();
  }

  #flush() {
    let left = MOST_AT_ONCE;
    for (const [key, move] of this.#outbox) {
      if (left-- === 0) break;
      this.#outbox.delete(key);
      this.#unanswered.push(move);
      this.#send({ ...move.message, id: move.id });
    }
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      if (this.#outbox.size > 0) this.#flush();
    }, SEND_MS);
  }
}
