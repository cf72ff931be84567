/*
 * Measures a delay to the sample: a JACK client that plays noise which repeats after 1.4 s, and compares what comes back
 * with it, 10 ms at a time. In: the JACK server's name, the number of outputs; on stdin, "go SECONDS" whenever something
 * is to be measured. Out: "ready" at first, then a line of JSON for each go. Ports: meter:out_1 …, meter:in.
 */
#include <jack/jack.h>
#include <math.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PERIOD = 1 << 16, WINDOW = 480, FAR = 24000, NEAR = 200, MOST_PORTS = 64, RATE = 48000 };

static float noise[PERIOD];
static jack_port_t *outputs[MOST_PORTS], *input;
static int ports;
static uint64_t position;
/* What came in, and where the noise was at its first sample. */
static float *heard;
static uint64_t heardFrom;
static atomic_long wanted, got, xruns;

static int process(jack_nframes_t frames, void *unused) {
  (void)unused;
  for (int port = 0; port < ports; port++) {
    float *out = jack_port_get_buffer(outputs[port], frames);
    for (jack_nframes_t i = 0; i < frames; i++) out[i] = noise[(position + i) % PERIOD] / (float)ports;
  }
  long have = atomic_load(&got), want = atomic_load(&wanted);
  if (have < want) {
    if (have == 0) heardFrom = position;
    long count = want - have < (long)frames ? want - have : (long)frames;
    memcpy(heard + have, jack_port_get_buffer(input, frames), (size_t)count * sizeof *heard);
    atomic_store(&got, have + count);
  }
  position += frames;
  return 0;
}

static int xrun(void *unused) {
  (void)unused;
  atomic_fetch_add(&xruns, 1);
  return 0;
}

/* Of the window at `at` with the noise `lag` samples before: −1 … 1. */
static double likeness(long at, long lag) {
  double product = 0, power = 1e-12, reference = 1e-12;
  for (long i = 0; i < WINDOW; i++) {
    double was = noise[(heardFrom + (uint64_t)(at + i) + PERIOD - (uint64_t)lag) % PERIOD], is = heard[at + i];
    product += was * is;
    power += is * is;
    reference += was * was;
  }
  return product / sqrt(power * reference);
}

static long nearest(long at, long from, long to, double *best) {
  long found = -1;
  *best = -1;
  for (long lag = from < 0 ? 0 : from; lag <= to; lag++) {
    double like = likeness(at, lag);
    if (like > *best) *best = like, found = lag;
  }
  return found;
}

static int byValue(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void report(long frames) {
  long windows = frames / WINDOW, last = -1, found = 0, damaged = 0, searches = 0;
  double *lags = calloc((size_t)windows + 1, sizeof *lags), *alike = calloc((size_t)windows + 1, sizeof *alike);
  double *sorted = calloc((size_t)windows + 1, sizeof *sorted);
  for (long window = 0; window < windows; window++) {
    double like = -1;
    long at = window * WINDOW, lag = last < 0 ? -1 : nearest(at, last - NEAR, last + NEAR, &like);
    if (like < 0.5 && searches++ < 100) lag = nearest(at, 0, FAR, &like);
    alike[window] = sorted[window] = like;
    if (like < 0.5) continue;
    lags[found++] = (double)(last = lag);
  }
  qsort(sorted, (size_t)windows, sizeof *sorted, byValue);
  double usual = windows > 0 ? sorted[windows / 2] : 0;
  for (long window = 0; window < windows; window++) damaged += alike[window] < usual - 0.1 || alike[window] < 0.5;
  double first = found > 0 ? lags[0] : -1, end = found > 0 ? lags[found - 1] : -1;
  qsort(lags, (size_t)found, sizeof *lags, byValue);
  if (found == 0) printf("{\"windows\":%ld,\"heard\":0,\"damaged\":%ld,\"likeness\":%.3f,\"jackXruns\":%ld}\n", windows, windows, usual, atomic_load(&xruns));
  else
    printf("{\"windows\":%ld,\"heard\":%ld,\"damaged\":%ld,\"likeness\":%.3f,\"jackXruns\":%ld,\"samples\":{\"p50\":%.0f,"
           "\"min\":%.0f,\"max\":%.0f,\"p99\":%.0f,\"first\":%.0f,\"last\":%.0f}}\n",
           windows, found, damaged, usual, atomic_load(&xruns), lags[found / 2], lags[0], lags[found - 1],
           lags[found * 99 / 100], first, end);
  free(lags), free(alike), free(sorted);
}

int main(int count, char **words) {
  if (count != 3) return fprintf(stderr, "meter SERVER OUTPUTS\n"), 2;
  ports = atoi(words[2]);
  if (ports < 1 || ports > MOST_PORTS) return fprintf(stderr, "meter: 1 to %d outputs\n", MOST_PORTS), 2;
  uint32_t seed = 1;
  float low = 0;
  for (long i = -1000; i < PERIOD; i++) {
    seed = seed * 1664525u + 1013904223u;
    /* A gentle low-pass: what Opus keeps at any bitrate. */
    low += 0.3f * ((float)(int32_t)seed / 2147483648.0f * 0.5f - low);
    if (i >= 0) noise[i] = low;
  }
  jack_status_t status;
  jack_client_t *client = jack_client_open("meter", JackNoStartServer | JackServerName, &status, words[1]);
  if (client == NULL) return fprintf(stderr, "meter: cannot open JACK: status %#x\n", status), 1;
  for (int port = 0; port < ports; port++) {
    char name[16];
    snprintf(name, sizeof name, "out_%d", port + 1);
    outputs[port] = jack_port_register(client, name, JACK_DEFAULT_AUDIO_TYPE, JackPortIsOutput, 0);
  }
  input = jack_port_register(client, "in", JACK_DEFAULT_AUDIO_TYPE, JackPortIsInput, 0);
  jack_set_process_callback(client, process, NULL);
  jack_set_xrun_callback(client, xrun, NULL);
  if (jack_activate(client) != 0) return fprintf(stderr, "meter: cannot run\n"), 1;
  puts("ready");
  fflush(stdout);
  char line[64];
  while (fgets(line, sizeof line, stdin) != NULL) {
    long seconds = 0;
    if (sscanf(line, "go %ld", &seconds) != 1 || seconds < 1 || seconds > 3600) break;
    heard = calloc((size_t)seconds * RATE, sizeof *heard);
    if (heard == NULL) break;
    memset(heard, 0, (size_t)seconds * RATE * sizeof *heard);
    atomic_store(&xruns, 0);
    atomic_store(&got, 0);
    atomic_store(&wanted, seconds * RATE);
    while (atomic_load(&got) < seconds * RATE) usleep(50000);
    atomic_store(&wanted, 0);
    report(seconds * RATE);
    fflush(stdout);
    free(heard);
  }
  jack_client_close(client);
  return 0;
}
