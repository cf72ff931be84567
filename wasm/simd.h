/*
 * Included before each file of libopus (packaging/opus.ts): its small loops by WebAssembly's SIMD, in the places that
 * libopus leaves for such. Results are those of libopus's C code, except that sums are taken in another order, and pulses
 * compared by a quotient. Samples are float, numbers of pulses int.
 */
#ifndef FOLDBACK_SIMD_H
#define FOLDBACK_SIMD_H
#include <wasm_simd128.h>

/* In each lane: of all four. */
static inline v128_t sum_of(v128_t v) {
  v = wasm_f32x4_add(v, wasm_i32x4_shuffle(v, v, 2, 3, 0, 1));
  return wasm_f32x4_add(v, wasm_i32x4_shuffle(v, v, 1, 0, 3, 2));
}
static inline v128_t most_of(v128_t v) {
  v = wasm_f32x4_pmax(v, wasm_i32x4_shuffle(v, v, 2, 3, 0, 1));
  return wasm_f32x4_pmax(v, wasm_i32x4_shuffle(v, v, 1, 0, 3, 2));
}
static inline float first_of(v128_t v) { return wasm_f32x4_extract_lane(v, 0); }

/* Rows become columns. */
static inline void transpose(v128_t v[4]) {
  v128_t a = wasm_i32x4_shuffle(v[0], v[1], 0, 4, 1, 5), b = wasm_i32x4_shuffle(v[2], v[3], 0, 4, 1, 5);
  v128_t c = wasm_i32x4_shuffle(v[0], v[1], 2, 6, 3, 7), d = wasm_i32x4_shuffle(v[2], v[3], 2, 6, 3, 7);
  v[0] = wasm_i32x4_shuffle(a, b, 0, 1, 4, 5);
  v[1] = wasm_i32x4_shuffle(a, b, 2, 3, 6, 7);
  v[2] = wasm_i32x4_shuffle(c, d, 0, 1, 4, 5);
  v[3] = wasm_i32x4_shuffle(c, d, 2, 3, 6, 7);
}

/* The 1 to 3 floats at x that are left of n, then zeros. */
static inline v128_t rest_of(const float *x, int n) {
  if ((n & 3) == 1) return wasm_v128_load32_zero(x);
  v128_t two = wasm_v128_load64_zero(x);
  return n & 1 ? wasm_v128_load32_lane(x + 2, two, 2) : two;
}

/* mathops.h: the largest magnitude. */
#define OVERRIDE_CELT_MAXABS16
static inline float celt_maxabs16(const float *x, int n) {
  v128_t most = wasm_f32x4_splat(0);
  int i = 0;
  for (; i + 4 <= n; i += 4) most = wasm_f32x4_pmax(most, wasm_f32x4_abs(wasm_v128_load(x + i)));
  if (i < n) most = wasm_f32x4_pmax(most, wasm_f32x4_abs(rest_of(x + i, n)));
  return first_of(most_of(most));
}

/* pitch.h */
#define OVERRIDE_CELT_INNER_PROD
#define celt_inner_prod(x, y, n, arch) inner_product(x, y, n)
static inline float inner_product(const float *x, const float *y, int n) {
  v128_t sum = wasm_f32x4_splat(0);
  int i = 0;
  for (; i + 4 <= n; i += 4) sum = wasm_f32x4_add(sum, wasm_f32x4_mul(wasm_v128_load(x + i), wasm_v128_load(y + i)));
  if (i < n) sum = wasm_f32x4_add(sum, wasm_f32x4_mul(rest_of(x + i, n), rest_of(y + i, n)));
  return first_of(sum_of(sum));
}

/* celt_encoder.c, for each channel: the 1024 samples that the filter for pure tones looks back, and room for newer ones. */
enum { HISTORY = 1024 + 960 };

/* celt_encoder.c, what the filter for pure tones gains: all magnitudes together. n is a multiple of 4. */
static inline float magnitude_of(const float *x, int n) {
  v128_t sum = wasm_f32x4_splat(0);
  for (int i = 0; i < n; i += 4) sum = wasm_f32x4_add(sum, wasm_f32x4_abs(wasm_v128_load(x + i)));
  return first_of(sum_of(sum));
}

/* celt_encoder.c, the search for pure tones: n products of x with itself, and with itself one and two lags later. */
static inline void autocorrelate(const float *x, int n, int lag, float *at0, float *at1, float *at2) {
  v128_t sum0 = wasm_f32x4_splat(0), sum1 = sum0, sum2 = sum0;
  int i = 0;
#define ADD(now, next, second)                                      \
  do {                                                              \
    v128_t x0 = (now);                                              \
    sum0 = wasm_f32x4_add(sum0, wasm_f32x4_mul(x0, x0));            \
    sum1 = wasm_f32x4_add(sum1, wasm_f32x4_mul(x0, (next)));        \
    sum2 = wasm_f32x4_add(sum2, wasm_f32x4_mul(x0, (second)));      \
  } while (0)
  for (; i + 4 <= n; i += 4) ADD(wasm_v128_load(x + i), wasm_v128_load(x + i + lag), wasm_v128_load(x + i + 2 * lag));
  if (i < n) ADD(rest_of(x + i, n), rest_of(x + i + lag, n), rest_of(x + i + 2 * lag, n));
#undef ADD
  *at0 = first_of(sum_of(sum0));
  *at1 = first_of(sum_of(sum1));
  *at2 = first_of(sum_of(sum2));
}

/* celt_encoder.c: each of a band's floors, but the first two and the last two, isn't further than `depth` below the median
   of the five levels around it. Four bands at once; the last four over again. At least 8. */
static inline void not_below_medians(float *floors, const float *levels, int bands, float depth) {
#define LESS wasm_f32x4_pmin
#define MORE wasm_f32x4_pmax
  for (int i = 0, last = bands - 8;; i += 4) {
    if (i > last) i = last;
    v128_t a = wasm_v128_load(levels + i), b = wasm_v128_load(levels + i + 1), c = wasm_v128_load(levels + i + 2);
    v128_t d = wasm_v128_load(levels + i + 3), e = wasm_v128_load(levels + i + 4);
    v128_t low = MORE(LESS(a, b), LESS(d, e)), high = LESS(MORE(a, b), MORE(d, e));
    v128_t median = MORE(LESS(low, high), LESS(c, MORE(low, high)));
    float *at = floors + i + 2;
    wasm_v128_store(at, MORE(wasm_v128_load(at), wasm_f32x4_sub(median, wasm_f32x4_splat(depth))));
    if (i == last) return;
  }
#undef LESS
#undef MORE
}

/* rate.h: how many of a band's numbers of pulses, but the last of them, cost less than `bits`. Their costs follow a count,
   ascending; at most 40. */
static inline int cheaper_than(const unsigned char *costs, int bits) {
  const unsigned char *cost = costs + 1;
  v128_t limit = wasm_u8x16_splat(bits < 0 ? 0 : bits > 255 ? 255 : bits);
  unsigned long long cheaper = wasm_i8x16_bitmask(wasm_u8x16_lt(wasm_v128_load(cost), limit));
  cheaper |= (unsigned long long)wasm_i8x16_bitmask(wasm_u8x16_lt(wasm_v128_load(cost + 16), limit)) << 16;
  cheaper |= (unsigned long long)wasm_i8x16_bitmask(wasm_u8x16_lt(wasm_v128_load(cost + 32), limit)) << 32;
  return __builtin_popcountll(cheaper & ((1ull << (costs[0] - 1)) - 1));
}

/* vq.h: pvq.c. */
#define OVERRIDE_OP_PVQ_SEARCH
#define op_pvq_search(x, pulses, k, n, arch) pvq_search(x, pulses, k, n)
float pvq_search(const float *x, int *pulses, int k, int n);

/* mdct.h: mdct.c. */
#define OVERRIDE_clt_mdct_forward
void mdct_prepare(void);

/* rate.c: allocation.c. */
struct OpusCustomMode;
void share_bits(const int *boosts, const int *caps, int trim, int total, int channels, int size, int *bits, int *thresholds, int *boosted);
#endif
