// Every vCPU executes instructions until the machine ends: what pausing is measured on.
#include "bench-work.h"

static void busy(u32 n) {
  static volatile u64 counters[64][8];
  for (;;) counters[n][0]++;
}

u32 guest_main(void) {
  interrupts_setup();
  interrupts_load();
  start_others(busy);
  print("start\n");
  busy(0);
  return 0;
}
