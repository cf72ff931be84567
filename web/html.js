/**
 * What every part of the page draws with: Preact and htm from /vendor/, and a hook that draws again when something else
 * than Preact changes. Browser's main thread.
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
import { useEffect, useReducer, useRef } from "/vendor/preact.js";

/**
 * Draws the component again, at most once a frame, whenever `target` dispatches one of `names`.
 * @param {EventTarget | null} target
 * @param {...string} names
 */
export function useEvents(target, ...names) {
  const [, redraw] = useReducer((count) => count + 1, 0);
  useEffect(() => {
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
