/**
 * To be imported before all else: as if the wall clock had been set ahead by a minute before this isolate was started, if
 * it is a spare worker. Those that were there from the beginning know nothing of it.
 */
const MINUTE_MS = 60_000;

if (self.name === "send spare") {
  Object.defineProperty(performance, "timeOrigin", { value: performance.timeOrigin + MINUTE_MS });
}
