/**
 * What a live client may say. In: a text message. Out: the message, checked but for the patch in it, which is checked like
 * a body over HTTP; or why we don't understand it. Pure; control worker; allocates.
 */
import { z } from "@hono/zod-openapi";
import { MAX_CHANNELS } from "../core/units.ts";

/** What a message of meters can count. */
const MOST_SEATS_SHOWN = 255;
/** A close reason has at most 123 bytes (RFC 6455 section 5.5). */
const MOST_REASON = 120;

/** The client's own, for its answer. */
const Id = z.int().min(0);
const SeatName = z.string().max(64);

const ClientMessage = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("hello"), secret: z.string().max(1024) }),
  z.strictObject({
    type: z.literal("mix"),
    id: Id,
    seat: SeatName,
    patch: z.unknown(),
    gesture: z.string().regex(/^[A-Za-z0-9._-]{1,32}$/, "must be 1 to 32 of A-Z a-z 0-9 . _ -").optional(),
  }),
  z.strictObject({ type: z.literal("channel"), id: Id, channel: z.int(), patch: z.unknown() }),
  z.strictObject({
    type: z.literal("meters"),
    channels: z.array(z.int().min(1).max(MAX_CHANNELS)).max(MAX_CHANNELS),
    seats: z.array(SeatName).max(MOST_SEATS_SHOWN),
  }),
  z.strictObject({ type: z.literal("snapshot") }),
]);
export type ClientMessage = z.output<typeof ClientMessage>;
export type Move = Extract<ClientMessage, { type: "mix" | "channel" }>;

const plain = (text: string): string => text.replace(/[^\x20-\x7e]/g, "?").slice(0, MOST_REASON);

/** The message, or the reason why it is none. */
export function readMessage(text: string): ClientMessage | string {
  let json: unknown, hidden = false;
  try {
    json = JSON.parse(text, (key, value) => {
      // A key that some readers treat as the prototype, and schemas therefore never see.
      if (key === "__proto__") hidden = true;
      return value;
    });
  } catch {
    return "a message must be JSON";
  }
  if (hidden) return "a message must not have the key __proto__";
  const { success, data, error } = ClientMessage.safeParse(json);
  if (success) return data;
  const { path, message } = error.issues[0];
  return plain(path.length === 0 ? `not a message: ${message}` : `${path.map(String).join(".")}: ${message}`);
}
