// Every vCPU starts, halts, and answers an interrupt. For as many vCPUs as there may be.
#include "lib/guest.h"

#define CALL 0x40

static volatile u32 started;
static volatile u32 answers;

static void on_call(u64 vector, u64 *frame) {
  (void)vector, (void)frame;
  __sync_fetch_and_add(&answers, 1);
  end_of_interrupt();
}

static void other(u32 n) {
  (void)n;
  __sync_fetch_and_add(&started, 1);
  for (;;) wait_for_interrupt();
}

u32 guest_main(void) {
  u32 others = vcpu_count() - 1;
  interrupts_setup();
  interrupts_load();
  set_handler(CALL, on_call);
  start_others(other);
  while (started != others) relax();
  send_ipi_to_others(CALL);
  while (answers != others) relax();
  print_number(answers + 1);
  print(" vCPUs answer\n");
  return 0;
}
