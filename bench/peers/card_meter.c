/*
 * Measures a delay to the sample on the card of card.h: begins the card, and compares what was played with its noise. In:
 * the file's name; on stdin, "go SECONDS" whenever something is to be measured. Out: "ready" at first, then a line of JSON
 * for each go.
 */
#include "card.h"

int main(int count, char **words) {
  if (count != 2) return fprintf(stderr, "card_meter FILE\n"), 2;
  struct Card *card = openCard(words[1], O_CREAT);
  if (card == NULL) return perror("card_meter"), 1;
  makeNoise(card->noise);
  card->began = cardPosition();
  puts("ready");
  fflush(stdout);
  char line[64];
  while (fgets(line, sizeof line, stdin) != NULL) {
    long seconds = 0;
    uint64_t from = cardPosition();
    if (sscanf(line, "go %ld", &seconds) != 1 || seconds < 1) break;
    if (from - card->began + (uint64_t)seconds * RATE > PLAYED) break;
    sleep((unsigned)seconds + 1);
    report(&(struct Heard){card->noise, card->played + (from - card->began), from}, seconds * RATE, 0);
  }
  return 0;
}
