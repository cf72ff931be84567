/*
 * Noise that repeats after 1.4 s, and where it is found again: to the sample, 10 ms at a time. In: what came back, from a
 * known sample of the noise on. Out: a line of JSON. For meter.c and card_meter.c.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { NOISE = 1 << 16, WINDOW = 480, FAR = 24000, NEAR = 200, RATE = 48000 };

static inline void makeNoise(float *noise) {
  uint32_t seed = 1;
  float low = 0;
  for (long i = -1000; i < NOISE; i++) {
    seed = seed * 1664525u + 1013904223u;
    /* A gentle low-pass: what Opus keeps at any bitrate. */
    low += 0.3f * ((float)(int32_t)seed / 2147483648.0f * 0.5f - low);
    if (i >= 0) noise[i] = low;
  }
}

struct Heard {
  const float *noise, *samples;
  /* Where the noise was at the first of the samples. */
  uint64_t from;
};

/* Of the window at `at` with the noise `lag` samples before: −1 … 1. */
static double likeness(const struct Heard *heard, long at, long lag) {
  double product = 0, power = 1e-12, reference = 1e-12;
  for (long i = 0; i < WINDOW; i++) {
    double was = heard->noise[(heard->from + (uint64_t)(at + i) + NOISE - (uint64_t)lag) % NOISE];
    double is = heard->samples[at + i];
    product += was * is;
    power += is * is;
    reference += was * was;
  }
  return product / sqrt(power * reference);
}

static long nearest(const struct Heard *heard, long at, long from, long to, double *best) {
  long found = -1;
  *best = -1;
  for (long lag = from < 0 ? 0 : from; lag <= to; lag++) {
    double like = likeness(heard, at, lag);
    if (like > *best) *best = like, found = lag;
  }
  return found;
}

static int byValue(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static inline void report(const struct Heard *heard, long frames, long xruns) {
  long windows = frames / WINDOW, last = -1, found = 0, damaged = 0, searches = 0;
  double *lags = calloc((size_t)windows + 1, sizeof *lags), *alike = calloc((size_t)windows + 1, sizeof *alike);
  double *sorted = calloc((size_t)windows + 1, sizeof *sorted);
  for (long window = 0; window < windows; window++) {
    double like = -1;
    long at = window * WINDOW, lag = last < 0 ? -1 : nearest(heard, at, last - NEAR, last + NEAR, &like);
    if (like < 0.5 && searches++ < 100) lag = nearest(heard, at, 0, FAR, &like);
    alike[window] = sorted[window] = like;
    if (like < 0.5) continue;
    lags[found++] = (double)(last = lag);
  }
  qsort(sorted, (size_t)windows, sizeof *sorted, byValue);
  double usual = windows > 0 ? sorted[windows / 2] : 0;
  for (long window = 0; window < windows; window++) damaged += alike[window] < usual - 0.1 || alike[window] < 0.5;
  double first = found > 0 ? lags[0] : -1, end = found > 0 ? lags[found - 1] : -1;
  qsort(lags, (size_t)found, sizeof *lags, byValue);
  if (found == 0) printf("{\"windows\":%ld,\"heard\":0,\"damaged\":%ld,\"likeness\":%.3f,\"jackXruns\":%ld}\n", windows, windows, usual, xruns);
  else
    printf("{\"windows\":%ld,\"heard\":%ld,\"damaged\":%ld,\"likeness\":%.3f,\"jackXruns\":%ld,\"samples\":{\"p50\":%.0f,"
           "\"min\":%.0f,\"max\":%.0f,\"p99\":%.0f,\"first\":%.0f,\"last\":%.0f}}\n",
           windows, found, damaged, usual, xruns, lags[found / 2], lags[0], lags[found - 1],
           lags[found * 99 / 100], first, end);
  fflush(stdout);
  free(lags), free(alike), free(sorted);
}
