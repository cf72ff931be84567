/*
 * The encoder's MDCT (RFC 6716 section 4.3.7) of one block of 2.5, 5 or 10 ms, as libopus's clt_mdct_forward_c(), with the
 * same sums in the same order, four at a time. Complex numbers are planar: real parts in one array, imaginary ones in
 * another. In: the block with the overlap before it. Out: as many frequencies as the block has samples.
 */
#include "simd.h"
#include "_kiss_fft_guts.h"
#include "modes.h"

/* Sizes: 0 for 2.5 ms, 1, 2. The FFT has half as many complex points as the block has samples. */
enum { OVERLAP = 120, SIZES = 3, SMALLEST = 120, POINTS = SMALLEST / 2 << (SIZES - 1) };

/* Four of them. */
typedef struct { v128_t re, im; } Complex;

static const CELTMode *mode;
/* Of each butterfly its later inputs' twiddles, in the order in which they are taken; filled by mdct_prepare(). */
static Complex twiddles3[SIZES][4][2], twiddles5[SIZES][12][4], twiddles4[3];
/* Third and fifth roots of one. */
static float third, fifth, fifth_im, two_fifths, two_fifths_im;

static inline Complex load(const float *re, const float *im, int at) {
  return (Complex){wasm_v128_load(re + at), wasm_v128_load(im + at)};
}
static inline void store(float *re, float *im, int at, Complex x) {
  wasm_v128_store(re + at, x.re);
  wasm_v128_store(im + at, x.im);
}
static inline Complex add(Complex a, Complex b) { return (Complex){wasm_f32x4_add(a.re, b.re), wasm_f32x4_add(a.im, b.im)}; }
static inline Complex sub(Complex a, Complex b) { return (Complex){wasm_f32x4_sub(a.re, b.re), wasm_f32x4_sub(a.im, b.im)}; }
static inline Complex scale(Complex a, float by) {
  v128_t s = wasm_f32x4_splat(by);
  return (Complex){wasm_f32x4_mul(a.re, s), wasm_f32x4_mul(a.im, s)};
}
static inline Complex mul(Complex a, Complex b) {
  return (Complex){wasm_f32x4_sub(wasm_f32x4_mul(a.re, b.re), wasm_f32x4_mul(a.im, b.im)),
                   wasm_f32x4_add(wasm_f32x4_mul(a.re, b.im), wasm_f32x4_mul(a.im, b.re))};
}
/* a - i b, a + i b */
static inline Complex sub_i(Complex a, Complex b) { return (Complex){wasm_f32x4_add(a.re, b.im), wasm_f32x4_sub(a.im, b.re)}; }
static inline Complex add_i(Complex a, Complex b) { return (Complex){wasm_f32x4_sub(a.re, b.im), wasm_f32x4_add(a.im, b.re)}; }

static inline v128_t backwards(v128_t v) { return wasm_i32x4_shuffle(v, v, 3, 2, 1, 0); }

/* The butterfly of four, without twiddles. */
static inline void butterfly4(Complex x[4]) {
  Complex even = add(x[0], x[2]), odd = add(x[1], x[3]), a = sub(x[0], x[2]), b = sub(x[1], x[3]);
  x[0] = add(even, odd);
  x[1] = sub_i(a, b);
  x[2] = sub(even, odd);
  x[3] = add_i(a, b);
}

/* Of two, on points that are 4 apart: the second's twiddles are the eighth roots of one. */
static inline void butterfly2(Complex *a, Complex *b) {
  const v128_t root = wasm_f32x4_splat(0.7071067812f);
  v128_t sum = wasm_f32x4_add(b->re, b->im), difference = wasm_f32x4_mul(wasm_f32x4_sub(b->im, b->re), root);
  v128_t up = wasm_f32x4_mul(sum, root), down = wasm_f32x4_mul(wasm_f32x4_neg(sum), root), back = wasm_f32x4_neg(b->re);
  Complex turned = {
      wasm_i32x4_shuffle(wasm_i32x4_shuffle(b->re, up, 0, 5, 0, 0), wasm_i32x4_shuffle(b->im, difference, 2, 7, 0, 0), 0, 1, 4, 5),
      wasm_i32x4_shuffle(wasm_i32x4_shuffle(b->im, difference, 0, 5, 0, 0), wasm_i32x4_shuffle(back, down, 2, 7, 0, 0), 0, 1, 4, 5),
  };
  *b = sub(*a, turned);
  *a = add(*a, turned);
}

static inline void butterfly3(Complex x[3], const Complex twiddles[2]) {
  Complex a = mul(x[1], twiddles[0]), b = mul(x[2], twiddles[1]), sum = add(a, b), turned = scale(sub(a, b), third);
  Complex middle = sub(x[0], scale(sum, .5f));
  x[0] = add(x[0], sum);
  x[1] = add_i(middle, turned);
  x[2] = sub_i(middle, turned);
}

static inline void butterfly5(Complex x[5], const Complex twiddles[4]) {
  Complex a = mul(x[1], twiddles[0]), b = mul(x[2], twiddles[1]), c = mul(x[3], twiddles[2]), d = mul(x[4], twiddles[3]);
  Complex outer = add(a, d), inner = add(b, c), outer_i = sub(a, d), inner_i = sub(b, c);
  Complex one = add(x[0], add(scale(outer, fifth), scale(inner, two_fifths)));
  Complex one_i = add(scale(outer_i, fifth_im), scale(inner_i, two_fifths_im));
  Complex two = add(x[0], add(scale(outer, two_fifths), scale(inner, fifth)));
  Complex two_i = sub(scale(inner_i, fifth_im), scale(outer_i, two_fifths_im));
  x[0] = add(x[0], add(outer, inner));
  x[1] = add_i(one, one_i);
  x[2] = sub_i(two, two_i);
  x[3] = add_i(two, two_i);
  x[4] = sub_i(one, one_i);
}

/* Points in order in, and 3 more that don't matter; points in order out. */
static void fft(int size, const float *inRe, const float *inIm, float *re, float *im) {
  const kiss_fft_state *plan = mode->mdct.kfft[SIZES - size];
  const int points = plan->nfft, quarter = points / 4;
  Complex x[5];
  for (int i = 0; i < quarter; i += 4) {
    for (int k = 0; k < 4; k++) x[k] = load(inRe, inIm, i + k * quarter);
    butterfly4(x);
    v128_t r[4] = {x[0].re, x[1].re, x[2].re, x[3].re}, j[4] = {x[0].im, x[1].im, x[2].im, x[3].im};
    transpose(r);
    transpose(j);
    for (int k = 0; k < 4; k++) if (i + k < quarter) store(re, im, plan->bitrev[i + k], (Complex){r[k], j[k]});
  }
  for (int at = 0; size == 1 && at < points; at += 8) {
    for (int k = 0; k < 2; k++) x[k] = load(re, im, at + 4 * k);
    butterfly2(&x[0], &x[1]);
    for (int k = 0; k < 2; k++) store(re, im, at + 4 * k, x[k]);
  }
  for (int at = 0; size == 2 && at < points; at += 16) {
    x[0] = load(re, im, at);
    for (int k = 1; k < 4; k++) x[k] = mul(load(re, im, at + 4 * k), twiddles4[k - 1]);
    butterfly4(x);
    for (int k = 0; k < 4; k++) store(re, im, at + 4 * k, x[k]);
  }
  const int done = 4 << size;
  for (int group = 0; group < points; group += 3 * done) {
    for (int i = 0; i < done; i += 4) {
      for (int k = 0; k < 3; k++) x[k] = load(re, im, group + i + k * done);
      butterfly3(x, twiddles3[size][i / 4]);
      for (int k = 0; k < 3; k++) store(re, im, group + i + k * done, x[k]);
    }
  }
  for (int i = 0; i < 3 * done; i += 4) {
    for (int k = 0; k < 5; k++) x[k] = load(re, im, i + k * 3 * done);
    butterfly5(x, twiddles5[size][i / 4]);
    for (int k = 0; k < 5; k++) store(re, im, i + k * 3 * done, x[k]);
  }
}

/* Four of libopus's twiddles: of a full turn in 480 steps. */
static Complex turns(int from, int step) {
  const kiss_twiddle_cpx *circle = mode->mdct.kfft[0]->twiddles;
  float re[4], im[4];
  for (int i = 0; i < 4; i++) {
    re[i] = circle[from + i * step].r;
    im[i] = circle[from + i * step].i;
  }
  return load(re, im, 0);
}

/* Before the first block. */
void mdct_prepare(void) {
  mode = opus_custom_mode_create(48000, 960, 0);
  for (int size = 0; size < SIZES; size++) {
    int last = 8 >> size, before = 5 * last;
    for (int i = 0; i < 4 << size; i += 4)
      for (int k = 1; k < 3; k++) twiddles3[size][i / 4][k - 1] = turns(i * k * before, k * before);
    for (int i = 0; i < 12 << size; i += 4)
      for (int k = 1; k < 5; k++) twiddles5[size][i / 4][k - 1] = turns(i * k * last, k * last);
  }
  for (int k = 1; k < 4; k++) twiddles4[k - 1] = turns(0, k * 30);
  const kiss_twiddle_cpx *circle = mode->mdct.kfft[0]->twiddles;
  third = circle[160].i;
  fifth = circle[96].r;
  fifth_im = circle[96].i;
  two_fifths = circle[192].r;
  two_fifths_im = circle[192].i;
}

/* Every second one: upwards from there, downwards from there. */
static inline v128_t up(const float *x) { return wasm_i32x4_shuffle(wasm_v128_load(x), wasm_v128_load(x + 4), 0, 2, 4, 6); }
static inline v128_t down(const float *x) { return wasm_i32x4_shuffle(wasm_v128_load(x - 7), wasm_v128_load(x - 3), 7, 5, 3, 1); }

void clt_mdct_forward_c(const mdct_lookup *l, float *in, float *out, const float *window, int overlap, int shift, int stride, int arch) {
  const int size = SIZES - shift, block = SMALLEST << size, points = block / 2, half = OVERLAP / 2, quarter = OVERLAP / 4;
  const float *cosine = l->trig, *sine;
  for (int i = 0, n = l->n; i < shift; i++) cosine += n /= 2;
  sine = cosine + points;
  /* Before and behind it some are read that come to nothing. */
  float room[4 + 2 * POINTS + OVERLAP + 8], *x = room + 4, *end = x + block;
  for (int i = 0; i < OVERLAP; i += 4) {
    wasm_v128_store(x + i, wasm_f32x4_mul(wasm_v128_load(in + i), wasm_v128_load(window + i)));
    wasm_v128_store(end + i, wasm_f32x4_mul(wasm_v128_load(in + block + i), backwards(wasm_v128_load(window + OVERLAP - 4 - i))));
  }
  for (int i = OVERLAP; i < block; i += 4) wasm_v128_store(x + i, wasm_v128_load(in + i));
  float foldedRe[POINTS + 4], foldedIm[POINTS + 4], re[POINTS], im[POINTS];
  v128_t factor = wasm_f32x4_splat(l->kfft[shift]->scale);
  /* Points come in three parts: folded with what overlaps before, with nothing, with what overlaps behind. */
  const int starts[] = {0, quarter, points - quarter, points};
  for (int part = 0; part < 3; part++) {
    for (int i = starts[part]; i < starts[part + 1]; i += 4) {
      Complex folded = {down(end + half - 1 - 2 * i), up(x + half + 2 * i)};
      if (part == 0) {
        folded.re = wasm_f32x4_add(folded.re, up(end + half + 2 * i));
        folded.im = wasm_f32x4_sub(folded.im, down(x + half - 1 - 2 * i));
      } else if (part == 2) {
        folded.re = wasm_f32x4_sub(folded.re, up(x + half + 2 * i - block));
        folded.im = wasm_f32x4_add(folded.im, down(end + block + half - 1 - 2 * i));
      }
      Complex turned = mul(folded, (Complex){wasm_v128_load(cosine + i), wasm_v128_load(sine + i)});
      store(foldedRe, foldedIm, i, (Complex){wasm_f32x4_mul(turned.re, factor), wasm_f32x4_mul(turned.im, factor)});
    }
  }
  fft(size, foldedRe, foldedIm, re, im);
  for (int i = 0, j = points - 4; i < points; i += 4, j -= 4) {
    Complex ahead = mul(load(re, im, i), (Complex){wasm_v128_load(cosine + i), wasm_v128_load(sine + i)});
    Complex back = mul(load(re, im, j), (Complex){wasm_v128_load(cosine + j), wasm_v128_load(sine + j)});
    v128_t even = wasm_f32x4_neg(ahead.re), odd = backwards(back.im);
    wasm_v128_store(out + 2 * i, wasm_i32x4_shuffle(even, odd, 0, 4, 1, 5));
    wasm_v128_store(out + 2 * i + 4, wasm_i32x4_shuffle(even, odd, 2, 6, 3, 7));
  }
}
