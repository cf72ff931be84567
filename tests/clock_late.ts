/**
 * A worker that began after the wall clock was set: says what its clock tells, then, told main's, what it tells after that.
 * In: `aheadOfMonotonic()` of another isolate. Out: times.
 */
import "./late_origin.ts";
import { followWallClock, keepTime, now, stamp } from "../core/clock.ts";

const scope = self as unknown as {
  onmessage: (event: MessageEvent<number>) => void;
  postMessage(times: number[]): void;
};
scope.onmessage = ({ data }) => {
  const times = new Float64Array(4);
  times[0] = now();
  followWallClock();
  times[1] = now();
  keepTime(data);
  times[2] = now();
  stamp(times, 3);
  scope.postMessage([...times]);
};
