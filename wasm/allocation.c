/*
 * How many bits each band gets (RFC 6716 section 4.3.3), all bands at once: the two bisections of libopus's
 * clt_compute_allocation() and interp_bits2pulses(). Bits are eighths of one.
 */
#include "simd.h"
#include "modes.h"
#include "rate.h"

enum { BANDS = 21, VECTORS = 6, ROWS = 11, STEPS = 6 };
/* Bins at 2.5 ms (RFC 6716 table 55). */
static const int WIDTHS[4 * VECTORS] = {1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 6, 6, 8, 12, 18, 22};
/* What a band doesn't reach that isn't there. */
enum { NEVER = 1 << 30 };

typedef struct { v128_t of[VECTORS]; } Bands;
#define EACH for (int v = 0; v < VECTORS; v++)

static inline Bands load(const int *x) {
  Bands bands;
  EACH bands.of[v] = v < VECTORS - 1 ? wasm_v128_load(x + 4 * v) : wasm_v128_load32_zero(x + 4 * v);
  return bands;
}
static inline void store(int *x, const Bands *bands) {
  for (int v = 0; v < VECTORS - 1; v++) wasm_v128_store(x + 4 * v, bands->of[v]);
  x[BANDS - 1] = wasm_i32x4_extract_lane(bands->of[VECTORS - 1], 0);
}

static inline v128_t tilted(v128_t bits, v128_t tilt) {
  const v128_t zero = wasm_i32x4_splat(0);
  return wasm_v128_and(wasm_i32x4_max(wasm_i32x4_add(bits, tilt), zero), wasm_i32x4_gt(bits, zero));
}

/* A row of the standard's table 57, in bits of these widths. */
static inline Bands row(const CELTMode *mode, int index, const Bands *widths, const Bands *tilts) {
  const unsigned char *values = mode->allocVectors + index * BANDS;
  v128_t bytes = wasm_v128_load(values), low = wasm_u16x8_extend_low_u8x16(bytes), high = wasm_u16x8_extend_high_u8x16(bytes);
  Bands bands = {{
      wasm_u32x4_extend_low_u16x8(low),
      wasm_u32x4_extend_high_u16x8(low),
      wasm_u32x4_extend_low_u16x8(high),
      wasm_u32x4_extend_high_u16x8(high),
      wasm_u32x4_extend_low_u16x8(wasm_u16x8_extend_low_u8x16(wasm_v128_load32_zero(values + 16))),
      wasm_v128_load8_lane(values + 20, wasm_i32x4_splat(0), 0),
  }};
  EACH bands.of[v] = tilted(wasm_i32x4_shr(wasm_i32x4_mul(bands.of[v], widths->of[v]), 2), tilts->of[v]);
  return bands;
}

/* From what bands would get to what they do: up to the highest that reaches its threshold all they can use, above it `least`
   or nothing, which no cap is below. Returns the sum. */
static inline int give(Bands *bits, const Bands *thresholds, const Bands *caps, int least) {
  int top = 0;
  EACH {
    unsigned reached = wasm_i32x4_bitmask(wasm_i32x4_ge(bits->of[v], thresholds->of[v]));
    if (reached) top = 4 * v + 32 - __builtin_clz(reached);
  }
  v128_t sum = wasm_i32x4_splat(0), band = wasm_i32x4_make(0, 1, 2, 3), leasts = wasm_i32x4_splat(least);
  EACH {
    v128_t little = wasm_v128_and(wasm_i32x4_ge(bits->of[v], leasts), leasts);
    v128_t given = wasm_v128_bitselect(bits->of[v], little, wasm_i32x4_lt(band, wasm_i32x4_splat(top)));
    bits->of[v] = wasm_i32x4_min(given, caps->of[v]);
    sum = wasm_i32x4_add(sum, bits->of[v]);
    band = wasm_i32x4_add(band, wasm_i32x4_splat(4));
  }
  sum = wasm_i32x4_add(sum, wasm_i32x4_shuffle(sum, sum, 2, 3, 0, 1));
  return wasm_i32x4_extract_lane(sum, 0) + wasm_i32x4_extract_lane(sum, 1);
}

/* low + part / 2^STEPS of more */
static inline Bands between(const Bands *low, const Bands *more, int part) {
  Bands bands;
  EACH bands.of[v] = wasm_i32x4_add(low->of[v], wasm_i32x4_shr(wasm_i32x4_mul(more->of[v], wasm_i32x4_splat(part)), STEPS));
  return bands;
}

/* `boosts`, `caps`: of each band; `size`: log2 of the frame's length over 2.5 ms. Out: bits and thresholds of each band, and
   the last band that is boosted, if one is. */
void share_bits(const int *boosts, const int *caps, int trim, int total, int channels, int size, int *bits, int *thresholds, int *boosted) {
  const CELTMode *mode = opus_custom_mode_create(48000, 960, 0);
  const int least = channels << BITRES;
  Bands boost = load(boosts), cap = load(caps), width, tilt, threshold;
  v128_t above = wasm_i32x4_make(BANDS - 1, BANDS - 2, BANDS - 3, BANDS - 4);
  EACH {
    v128_t bins = wasm_i32x4_shl(wasm_v128_load(WIDTHS + 4 * v), size);
    width.of[v] = wasm_i32x4_mul(bins, wasm_i32x4_splat(channels));
    v128_t most = wasm_i32x4_shr(wasm_i32x4_mul(bins, wasm_i32x4_splat(3 << BITRES)), 4);
    threshold.of[v] = wasm_i32x4_max(most, wasm_i32x4_splat(least));
    v128_t slope = wasm_i32x4_mul(wasm_i32x4_mul(width.of[v], above), wasm_i32x4_splat((trim - 5 - size) * (1 << BITRES)));
    v128_t single = wasm_v128_and(wasm_i32x4_eq(bins, wasm_i32x4_splat(1)), wasm_i32x4_splat(least));
    tilt.of[v] = wasm_i32x4_sub(wasm_i32x4_shr(slope, 6), single);
    above = wasm_i32x4_sub(above, wasm_i32x4_splat(4));
    unsigned more = wasm_i32x4_bitmask(wasm_i32x4_gt(boost.of[v], wasm_i32x4_splat(0)));
    if (more) *boosted = 4 * v + 31 - __builtin_clz(more);
  }
  v128_t last = wasm_i32x4_splat(NEVER);
  threshold.of[VECTORS - 1] = wasm_i32x4_replace_lane(last, 0, wasm_i32x4_extract_lane(threshold.of[VECTORS - 1], 0));
  int from = 1, to = ROWS - 1;
  while (from <= to) {
    int middle = (from + to) / 2;
    Bands wanted = row(mode, middle, &width, &tilt);
    EACH wanted.of[v] = wasm_i32x4_add(wanted.of[v], boost.of[v]);
    if (give(&wanted, &threshold, &cap, least) > total) to = middle - 1;
    else from = middle + 1;
  }
  Bands low = row(mode, from - 1, &width, &tilt), more;
  if (from < ROWS) more = row(mode, from, &width, &tilt);
  else EACH more.of[v] = tilted(cap.of[v], tilt.of[v]);
  EACH {
    if (from > 1) low.of[v] = wasm_i32x4_add(low.of[v], boost.of[v]);
    more.of[v] = wasm_i32x4_add(more.of[v], boost.of[v]);
    more.of[v] = wasm_i32x4_max(wasm_i32x4_sub(more.of[v], low.of[v]), wasm_i32x4_splat(0));
  }
  int part = 0;
  for (int step = 1 << (STEPS - 1); step > 0; step /= 2) {
    Bands wanted = between(&low, &more, part + step);
    if (give(&wanted, &threshold, &cap, least) <= total) part += step;
  }
  Bands given = between(&low, &more, part);
  give(&given, &threshold, &cap, least);
  store(bits, &given);
  store(thresholds, &threshold);
}
