/**
 * What a page that listens may say. In: a text message. Out: the message, or why we don't understand it. Pure; control
 * worker; allocates.
 */
import { z } from "@hono/zod-openapi";

const AudioMessage = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("hello"), secret: z.string().max(1024) }),
  /** `time` is the page's own, for its answer. */
  z.strictObject({ type: z.literal("ping"), time: z.number() }),
]);
export type AudioMessage = z.output<typeof AudioMessage>;

/** The message, or the reason why it is none. */
export function readAudioMessage(text: string): AudioMessage | string {
  try {
    const { success, data } = AudioMessage.safeParse(JSON.parse(text));
    return success ? data : "not a message: hello with a secret, or ping with a time";
  } catch {
    return "a message must be JSON";
  }
}
