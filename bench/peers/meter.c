/*
 * Measures a delay to the sample: a JACK client that plays noise which repeats after 1.4 s, and compares what comes back
 * with it, 10 ms at a time. In: the JACK server's name, the number of outputs; on stdin, "go SECONDS" whenever something
 * is to be measured. Out: "ready" at first, then a line of JSON for each go. Ports: meter:out_1 …, meter:in.
 */
#include <jack/jack.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>
#include "noise.h"

enum { MOST_PORTS = 64 };

static float noise[NOISE];
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
    for (jack_nframes_t i = 0; i < frames; i++) out[i] = noise[(position + i) % NOISE] / (float)ports;
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

int main(int count, char **words) {
  if (count != 3) return fprintf(stderr, "meter SERVER OUTPUTS\n"), 2;
  ports = atoi(words[2]);
  if (ports < 1 || ports > MOST_PORTS) return fprintf(stderr, "meter: 1 to %d outputs\n", MOST_PORTS), 2;
  makeNoise(noise);
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
    report(&(struct Heard){noise, heard, heardFrom}, seconds * RATE, atomic_load(&xruns));
    free(heard);
  }
  jack_client_close(client);
  return 0;
}
