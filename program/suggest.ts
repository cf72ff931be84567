/** What somebody who mistyped may have meant. In: words. Out: a word or nothing. Any thread; allocates. */

/** Further away it is another word. */
const NEAR = 2;

/** Letters to insert, delete or replace, or neighbours to swap, on the way from one word to the other. */
export function distance(from: string, to: string): number {
  let before: number[] = [], above = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1];
      row[j] = Math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1));
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) {
        row[j] = Math.min(row[j], before[j - 2] + 1);
      }
    }
    before = above;
    above = row;
  }
  return above[to.length];
}

/** The word of `known` that is nearest to `word`, the first of several; null if none is near. */
export function nearest(word: string, known: Iterable<string>): string | null {
  let best: string | null = null, least = Math.min(NEAR, word.length - 1) + 1;
  for (const one of known) {
    const steps = distance(word.toLowerCase(), one.toLowerCase());
    if (steps < least) [best, least] = [one, steps];
  }
  return best;
}

/** `; did you mean --dscp?`, or nothing. */
export function suggestion(word: string, known: Iterable<string>): string {
  const found = nearest(word, known);
  return found === null ? "" : `; did you mean ${found}?`;
}
