/*
 * What the server is compared with: the same job in C with the system's libopus.
 *
 *   native SECONDS FRAME BITRATE CHANNELS CLIENTS DISTINCT [PORT]
 *
 * Every FRAME samples it encodes CHANNELS channels (DISTINCT 1: anew for each client), writes for each client one datagram
 * (RTP header and Opus multistream packet, RFC 7845 section 3), and sends all with one system call: to PORT on loopback,
 * else to sockets of its own that a child process reads, as listeners would. Prints one line of JSON: percent of a core,
 * one encode, lateness of waking, from the frame's completion to the end of sending.
 */
#include "timing.h"
#include <arpa/inet.h>
#include <opus.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RATE = 48000, PERIOD = 480, MAX_FRAME = 480, MAX_PACKET = 1276, MAX_DATAGRAM = 1452, HEADER = 12 };
enum { MAX_CHANNELS = 64, MAX_CLIENTS = 512 };
/* A send worker's. */
enum { PRIORITY = 43 };
/* Seconds, which native.ts knows too: compiled code, caches and the kernel's sockets are warm by then. */
static const double WARM_UP = 0.5;

static double cpu_us(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/* As wasm/opus.ts sets up its encoders. */
static OpusEncoder *encoder(int bitrate) {
  int error;
  OpusEncoder *made = opus_encoder_create(RATE, 1, OPUS_APPLICATION_RESTRICTED_LOWDELAY, &error);
  if (error != OPUS_OK || opus_encoder_ctl(made, OPUS_SET_BITRATE(bitrate)) != OPUS_OK ||
      opus_encoder_ctl(made, OPUS_SET_COMPLEXITY(0)) != OPUS_OK ||
      opus_encoder_ctl(made, OPUS_SET_SIGNAL(OPUS_SIGNAL_MUSIC)) != OPUS_OK ||
      opus_encoder_ctl(made, OPUS_SET_VBR(0)) != OPUS_OK ||
      opus_encoder_ctl(made, OPUS_SET_MAX_BANDWIDTH(OPUS_BANDWIDTH_FULLBAND)) != OPUS_OK ||
      opus_encoder_ctl(made, OPUS_SET_BANDWIDTH(OPUS_BANDWIDTH_FULLBAND)) != OPUS_OK ||
      opus_encoder_ctl(made, OPUS_SET_FORCE_CHANNELS(1)) != OPUS_OK) {
    fprintf(stderr, "make an Opus encoder: %s\n", opus_strerror(error));
    exit(1);
  }
  return made;
}

/* Binds a socket for each client on loopback and lets a child read them; returns the child. */
static pid_t listeners(int clients, struct sockaddr_in *addresses) {
  static struct pollfd sockets[MAX_CLIENTS];
  for (int i = 0; i < clients; i++) {
    socklen_t length = sizeof addresses[i];
    int buffer = 1 << 20, fd = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    if (fd < 0 || bind(fd, (struct sockaddr *)&addresses[i], length) != 0 ||
        getsockname(fd, (struct sockaddr *)&addresses[i], &length) != 0) fail("bind a listener");
    sockets[i] = (struct pollfd){.fd = fd, .events = POLLIN};
  }
  pid_t child = fork();
  if (child < 0) fail("start the listeners");
  if (child > 0) {
    for (int i = 0; i < clients; i++) close(sockets[i].fd);
    return child;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  static char datagram[2048];
  for (;;) {
    poll(sockets, clients, -1);
    for (int i = 0; i < clients; i++)
      if (sockets[i].revents) while (recv(sockets[i].fd, datagram, sizeof datagram, MSG_DONTWAIT) >= 0) continue;
  }
}

/* Appends an Opus packet of one frame; all but the last say their frame's length after the TOC byte. */
static int append(uint8_t *to, int at, const uint8_t *packet, int bytes, int last) {
  int frame = bytes - 1;
  to[at++] = packet[0];
  if (!last && frame < 252) to[at++] = frame;
  else if (!last) {
    to[at] = 252 + (frame & 3);
    to[at + 1] = (frame - to[at]) >> 2;
    at += 2;
  }
  memcpy(to + at, packet + 1, frame);
  return at + frame;
}

static void header(uint8_t *to, uint16_t sequence, uint32_t timestamp, uint32_t ssrc) {
  uint16_t words[6] = {htons(0x8061), htons(sequence), htons(timestamp >> 16), htons(timestamp), htons(ssrc >> 16), htons(ssrc)};
  memcpy(to, words, HEADER);
}

static void encode(double seconds, int frame, int bitrate, int channels, int clients, int distinct, int port) {
  static uint8_t headers[MAX_CLIENTS][HEADER], payloads[MAX_CLIENTS][MAX_DATAGRAM];
  static struct sockaddr_in addresses[MAX_CLIENTS];
  static struct iovec parts[MAX_CLIENTS][2];
  static struct mmsghdr messages[MAX_CLIENTS];
  static float tones[MAX_CHANNELS][PERIOD + MAX_FRAME];
  int payloadsMade = distinct ? clients : 1, streams = payloadsMade * channels, bytes = 0;
  OpusEncoder **encoders = calloc(streams, sizeof *encoders);
  for (int i = 0; i < streams; i++) encoders[i] = encoder(bitrate);
  /* Channel n is a sine of 100 n Hz at -12 dBFS, as --source tones. */
  for (int c = 0; c < channels; c++)
    for (int i = 0; i < PERIOD + MAX_FRAME; i++) tones[c][i] = pow(10, -12 / 20.) * sin(2 * M_PI * (c + 1) * i / PERIOD);
  for (int i = 0; i < clients; i++)
    addresses[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  pid_t child = port ? 0 : listeners(clients, addresses);
  for (int i = 0; i < clients; i++) {
    parts[i][0] = (struct iovec){headers[i], HEADER};
    parts[i][1] = (struct iovec){payloads[distinct ? i : 0], 0};
    messages[i].msg_hdr = (struct msghdr){.msg_name = &addresses[i], .msg_namelen = sizeof addresses[i], .msg_iov = parts[i], .msg_iovlen = 2};
  }
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), buffer = 1 << 20, granted = real_time(PRIORITY);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);

  Times lateness = {0}, encodeUs = {0}, sendMs = {0};
  double frameUs = frame * 1e6 / RATE, begun = now_us(), due = begun, counted = 0, cpu = 0;
  long unsent = 0;
  for (uint32_t n = 0; !ended && due - begun < (seconds + WARM_UP) * 1e6; n++) {
    double late = sleep_until(due += frameUs);
    if (counted == 0 && due - begun >= WARM_UP * 1e6) {
      counted = now_us();
      cpu = cpu_us();
    }
    double before = now_us();
    for (int p = 0; p < payloadsMade; p++) {
      uint8_t packet[MAX_PACKET];
      bytes = 0;
      for (int c = 0; c < channels; c++) {
        int length = opus_encode_float(encoders[p * channels + c], tones[c] + (n * frame) % PERIOD, frame, packet, sizeof packet);
        if (length < 2 || bytes + length + 2 > MAX_DATAGRAM - HEADER) {
          fprintf(stderr, "encode: %d bytes of one stream after %d\n", length, bytes);
          exit(1);
        }
        bytes = append(payloads[p], bytes, packet, length, c == channels - 1);
      }
    }
    double after = now_us();
    for (int i = 0; i < clients; i++) {
      header(headers[i], n, n * frame, i + 1);
      parts[i][1].iov_len = bytes;
    }
    for (int sent = 0; sent < clients;) {
      int taken = sendmmsg(fd, messages + sent, clients - sent, MSG_DONTWAIT);
      if (taken <= 0) unsent++;
      sent += taken > 0 ? taken : 1;
    }
    if (counted == 0) continue;
    note(&lateness, late);
    note(&encodeUs, (after - before) / streams);
    note(&sendMs, (now_us() - due) / 1e3);
  }
  double percent = 100 * (cpu_us() - cpu) / (now_us() - counted);
  if (child) {
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
  }
  printf("{\"version\":\"%s\",\"realTime\":%s,\"cpuPercent\":%.2f,\"unsent\":%ld,", opus_get_version_string(), granted ? "true" : "false", percent, unsent);
  print("encodeUs", &encodeUs);
  putchar(',');
  print("latenessUs", &lateness);
  putchar(',');
  print("dueToSendMs", &sendMs);
  puts("}");
}

int main(int count, char **words) {
  int frame = 0, channels = 0, clients = 0;
  if (count == 7 || count == 8) {
    frame = atoi(words[2]);
    channels = atoi(words[4]);
    clients = atoi(words[5]);
  }
  if ((frame != 120 && frame != 240 && frame != 480) || channels < 1 || channels > MAX_CHANNELS || clients < 1 || clients > MAX_CLIENTS) {
    fputs("native SECONDS FRAME(120, 240, 480) BITRATE CHANNELS(1-64) CLIENTS(1-512) DISTINCT(0, 1) [PORT]\n", stderr);
    return 2;
  }
  end_by_signal();
  encode(atof(words[1]), frame, atoi(words[3]), channels, clients, atoi(words[6]), count == 8 ? atoi(words[7]) : 0);
}
