/*
 * Time for the benchmark's C programs: a paced loop, times in microseconds, their percentiles as JSON, real-time priority,
 * and an end by SIGTERM. For one thread.
 */
#define _GNU_SOURCE
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static volatile sig_atomic_t ended = 0;

static void fail(const char *action) {
  perror(action);
  exit(1);
}

static void end(int number) {
  (void)number;
  ended = 1;
}

static void end_by_signal(void) {
  struct sigaction action = {.sa_handler = end};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
}

static double now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

/* Real-time where that is allowed, as the server is; returns whether. */
static int real_time(int priority) {
  struct sched_param param = {.sched_priority = priority};
  return sched_setscheduler(0, SCHED_FIFO, &param) == 0;
}

/* Microseconds that are sorted in the end. */
typedef struct {
  double *values;
  int count, room;
} Times;

static void note(Times *times, double value) {
  if (times->count == times->room) {
    times->room = times->room ? 2 * times->room : 1 << 16;
    times->values = realloc(times->values, times->room * sizeof(double));
    if (!times->values) fail("note a time");
  }
  times->values[times->count++] = value;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void print(const char *name, Times *times) {
  int n = times->count;
  double shares[] = {0.5, 0.99, 0.999, 1}, at[4] = {0};
  qsort(times->values, n, sizeof(double), ascending);
  for (int i = 0; n > 0 && i < 4; i++) at[i] = times->values[(int)fmax(ceil(shares[i] * n) - 1, 0)];
  printf("\"%s\":{\"p50\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"max\":%.3f}", name, at[0], at[1], at[2], at[3]);
}

/* Sleeps until `due` (microseconds); returns how late it is, or -1 when a signal came. */
static double sleep_until(double due) {
  struct timespec time = {.tv_sec = (time_t)(due / 1e6), .tv_nsec = (long)(fmod(due, 1e6) * 1e3)};
  if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) != 0) return -1;
  return now_us() - due;
}
