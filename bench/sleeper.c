/*
 * Shows the machine's own noise: wakes every 2.5 ms until SIGTERM (ten minutes at most) and prints, as one line of JSON,
 * how late. More urgent than the server's threads (capture has 50), so that only the machine itself can delay it.
 */
#include "timing.h"

enum { PRIORITY = 60, PERIOD_US = 2500, MOST = 240000 };

int main(void) {
  int granted = real_time(PRIORITY);
  end_by_signal();
  Times lateness = {0};
  double due = now_us();
  while (!ended && lateness.count < MOST) {
    double late = sleep_until(due += PERIOD_US);
    if (late >= 0) note(&lateness, late);
  }
  printf("{\"realTime\":%s,\"wakes\":%d,", granted ? "true" : "false", lateness.count);
  print("latenessUs", &lateness);
  puts("}");
}
