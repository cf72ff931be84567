/**
 * What every part of the page draws with: Preact and htm from /vendor/, and hooks for what changes elsewhere: draw again,
 * send a form once, ask for one change after the other. Browser's main thread.
 */
export {
  Component,
  createContext,
  h,
  html,
  render,
  useCallback,
  useContext,
  useEffect,
  useLayoutEffect,
  useMemo,
  useReducer,
  useRef,
  useState,
} from "/vendor/preact.js";
import { useLayoutEffect, useReducer, useRef, useState } from "/vendor/preact.js";

/**
 * Draws the component again, at most once a frame, whenever `target` dispatches one of `names`. It listens before anything
 * can have come: other effects are run a frame later, in a hidden page a tenth of a second.
 * @param {EventTarget | null} target
 * @param {...string} names
 */
export function useEvents(target, ...names) {
  const [, redraw] = useReducer((count) => count + 1, 0);
  useLayoutEffect(() => {
    if (target === null) return;
    let frame = 0;
    const later = () => {
      // A page that isn't shown gets no frames.
      if (document.hidden) redraw(null);
      else frame ||= requestAnimationFrame(() => (frame = 0, redraw(null)));
    };
    for (const name of names) target.addEventListener(name, later);
    return () => {
      cancelAnimationFrame(frame);
      for (const name of names) target.removeEventListener(name, later);
    };
  }, [target, ...names]);
}

/**
 * `url(…)`, classes from a condition: `names("a", isB && "b")`.
 * @param {...(string | false | null | undefined)} list
 */
export const names = (...list) => list.filter(Boolean).join(" ");

/**
 * A form's handler for "submit" that leaves out what comes while it still runs: Enter and a click are one wish.
 * @param {() => unknown} run may be asynchronous
 */
export function useSubmit(run) {
  const running = useRef(false);
  return async (event) => {
    event.preventDefault();
    if (running.current) return;
    running.current = true;
    try {
      await run();
    } finally {
      running.current = false;
    }
  };
}

/** A change is told a moment after it was answered. */
const SETTLE_MS = 300;

/**
 * What is changed over HTTP as a whole: it is shown as it is wanted, and sent one request at a time, the newest last.
 * @template T
 * @param {T} value as the server has it
 * @param {(wanted: T) => Promise<unknown>} send never rejects
 * @returns {[shown: T, show: (wanted: T) => void, flush: () => void]} show: not sent yet; flush: sends what is shown
 */
export function useAsked(value, send) {
  const [wanted, draw] = useState(undefined);
  const line = useRef({ wanted: undefined, next: undefined, held: false, busy: false, timer: 0 }).current;
  const show = (next) => {
    clearTimeout(line.timer);
    line.held = next !== undefined;
    line.wanted = next;
    draw(next);
  };
  const flush = async () => {
    clearTimeout(line.timer);
    line.next = line.wanted;
    line.held = false;
    if (line.busy) return;
    line.busy = true;
    while (line.next !== undefined) {
      const next = line.next;
      line.next = undefined;
      await send(next);
    }
    line.busy = false;
    if (!line.held) line.timer = setTimeout(() => show(undefined), SETTLE_MS);
  };
  return [wanted === undefined ? value : wanted, show, flush];
}
