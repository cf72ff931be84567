/*
 * The search for a band's pulses (RFC 6716 section 5.3.8.1), as libopus's op_pvq_search_c(), with a band's bins and pulses in
 * registers: 4 to a vector. In: n bins of a band, k pulses. Out: how many pulses each bin gets, with its sign, in an array with
 * room for 3 more; returns the pulses' energy.
 */
#include "simd.h"
#include "arch.h"

/* Of 88 bins, the widest band at 10 ms. */
enum { MOST_VECTORS = 22 };
/* As libopus: a sum that is larger is taken for infinite. */
static const float MOST_SUM = 64;
/* In the place of bins that aren't there: nothing gains from a pulse in addition to so many. */
static const float FULL = 1e30f;
/* A float from here on has no fraction, and its last bits are a number. */
static const float WHOLE = 1 << 23;
enum { FRACTION = (1 << 23) - 1 };

#define UNROLLED _Pragma("clang loop unroll(full)")

/* The v-th four bins of n. */
static inline v128_t bins_of(const float *x, int n, int v) {
  return 4 * v + 4 <= n ? wasm_v128_load(x + 4 * v) : rest_of(x + 4 * v, n);
}

/* `vectors` is a constant wherever this is called but once, so that loops over them are none. */
static inline __attribute__((always_inline)) float search(const float *given, int *pulses, int k, int n, const int vectors) {
  const v128_t zero = wasm_f32x4_splat(0), lane = wasm_i32x4_make(0, 1, 2, 3);
  /* Magnitudes, and twice the pulses; the same in memory, for one at a time. */
  v128_t x[MOST_VECTORS], y[MOST_VECTORS], sums = zero;
  float eachX[4 * MOST_VECTORS], eachY[4 * MOST_VECTORS];
  UNROLLED for (int v = 0; v < vectors; v++) {
    x[v] = wasm_f32x4_abs(v < vectors - 1 ? wasm_v128_load(given + 4 * v) : bins_of(given, n, v));
    y[v] = zero;
    sums = wasm_f32x4_add(sums, x[v]);
  }
  int left = k;
  float xy = 0, yy = 0;
  if (k > n / 2) {
    /* Most of the pulses, by projection. */
    float sum = first_of(sum_of(sums));
    if (!(sum > EPSILON && sum < MOST_SUM)) {
      x[0] = wasm_f32x4_make(1, 0, 0, 0);
      UNROLLED for (int v = 1; v < vectors; v++) x[v] = zero;
      sum = 1;
    }
    v128_t scale = wasm_f32x4_splat((float)(k + .8) * (1 / sum)), xys = zero, yys = zero, placed = zero;
    UNROLLED for (int v = 0; v < vectors; v++) {
      v128_t p = wasm_f32x4_floor(wasm_f32x4_mul(x[v], scale));
      placed = wasm_f32x4_add(placed, p);
      xys = wasm_f32x4_add(xys, wasm_f32x4_mul(x[v], p));
      yys = wasm_f32x4_add(yys, wasm_f32x4_mul(p, p));
      y[v] = wasm_f32x4_add(p, p);
    }
    left -= (int)first_of(sum_of(placed));
    xy = first_of(sum_of(xys));
    yy = first_of(sum_of(yys));
  }
  if (left > n + 3) {
    /* Only without a signal. */
    float all = left, first = first_of(y[0]);
    yy += all * all + all * first;
    y[0] = wasm_f32x4_replace_lane(y[0], 0, first + 2 * all);
    left = 0;
  }
  v128_t there = wasm_i32x4_lt(lane, wasm_i32x4_splat(n - 4 * (vectors - 1)));
  y[vectors - 1] = wasm_v128_bitselect(y[vectors - 1], wasm_f32x4_splat(FULL), there);
  UNROLLED for (int v = 0; v < vectors; v++) {
    wasm_v128_store(eachX + 4 * v, x[v]);
    wasm_v128_store(eachY + 4 * v, y[v]);
  }
  /* The rest one after the other, each where correlation over energy becomes largest. */
  for (; left > 0; left--) {
    yy += 1;
    v128_t xys = wasm_f32x4_splat(xy), yys = wasm_f32x4_splat(yy), best = zero, at = lane;
    UNROLLED for (int v = 0; v < vectors; v++) {
      v128_t r = wasm_f32x4_add(xys, x[v]);
      r = wasm_f32x4_div(wasm_f32x4_mul(r, r), wasm_f32x4_add(yys, y[v]));
      if (v > 0) at = wasm_v128_bitselect(wasm_i32x4_add(lane, wasm_i32x4_splat(4 * v)), at, wasm_f32x4_gt(r, best));
      best = v > 0 ? wasm_f32x4_pmax(best, r) : r;
    }
    /* The first of those that are best. */
    at = wasm_v128_or(at, wasm_v128_not(wasm_f32x4_eq(best, most_of(best))));
    at = wasm_u32x4_min(at, wasm_i32x4_shuffle(at, at, 2, 3, 0, 1));
    at = wasm_u32x4_min(at, wasm_i32x4_shuffle(at, at, 1, 0, 3, 2));
    unsigned i = wasm_i32x4_extract_lane(at, 0);
    if (i >= 4 * MOST_VECTORS) i = 0; /* none is: not a number */
    xy += eachX[i];
    yy += eachY[i];
    eachY[i] += 2;
    UNROLLED for (int v = 0; v < vectors; v++) {
      v128_t here = wasm_i32x4_eq(at, wasm_i32x4_add(lane, wasm_i32x4_splat(4 * v)));
      y[v] = wasm_f32x4_add(y[v], wasm_v128_and(here, wasm_f32x4_splat(2)));
    }
  }
  UNROLLED for (int v = 0; v < vectors; v++) {
    v128_t p = wasm_f32x4_add(wasm_f32x4_mul(y[v], wasm_f32x4_splat(.5f)), wasm_f32x4_splat(WHOLE));
    p = wasm_v128_and(p, wasm_i32x4_splat(FRACTION));
    v128_t negative = wasm_f32x4_lt(v < vectors - 1 ? wasm_v128_load(given + 4 * v) : bins_of(given, n, v), zero);
    wasm_v128_store(pulses + 4 * v, wasm_i32x4_sub(wasm_v128_xor(p, negative), negative));
  }
  return yy;
}

float pvq_search(const float *x, int *pulses, int k, int n) {
  int vectors = (n + 3) / 4;
  switch (vectors) {
    case 1: return search(x, pulses, k, n, 1);
    case 2: return search(x, pulses, k, n, 2);
    case 3: return search(x, pulses, k, n, 3);
    case 4: return search(x, pulses, k, n, 4);
    case 5: return search(x, pulses, k, n, 5);
    case 6: return search(x, pulses, k, n, 6);
  }
  return search(x, pulses, k, n, vectors);
}
