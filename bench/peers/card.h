/*
 * A sound card that is only arithmetic: its clock is CLOCK_MONOTONIC, in periods of 128 samples, and never stands still. What
 * can be recorded of it is noise, what is played on it is kept; the programs that have it open share both in one file.
 */
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "noise.h"

enum { PERIOD = 128 };
/* An hour. */
#define PLAYED (3600ul * RATE)

struct Card {
  /* When the card began, by its own clock. */
  uint64_t began;
  float noise[NOISE];
  float played[PLAYED];
};

/* Samples that have gone by, in whole periods. */
static inline uint64_t cardPosition(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  uint64_t samples = (uint64_t)now.tv_sec * RATE + (uint64_t)now.tv_nsec * 48 / 1000000;
  return samples / PERIOD * PERIOD;
}

static inline struct Card *openCard(const char *path, int flags) {
  int file = open(path, O_RDWR | flags, 0600);
  if (file < 0) return NULL;
  struct Card *card = NULL;
  if (!flags || ftruncate(file, sizeof *card) == 0)
    card = mmap(NULL, sizeof *card, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  return card == MAP_FAILED ? NULL : card;
}
