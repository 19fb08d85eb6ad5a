// Boots every vCPU, lets each take a lock and answer an interrupt, and prints a line from each.
#include "lib/guest.h"

#define PING 0x40
#define ROUNDS 10000

static ticket_lock counter_lock;
static ticket_lock line_lock;
static volatile u64 counter;
static volatile u32 answers;
static volatile u32 done;
static volatile u32 finished;

static void on_ping(u64 vector, u64 *frame) {
  (void)vector, (void)frame;
  __sync_fetch_and_add(&answers, 1);
  end_of_interrupt();
}

static void count(void) {
  for (int round = 0; round < ROUNDS; round++) {
    lock(&counter_lock);
    counter++;
    unlock(&counter_lock);
  }
  __sync_fetch_and_add(&done, 1);
}

static void report(u32 n) {
  lock(&line_lock);
  print("vCPU ");
  print_number(n);
  print(": local APIC ");
  print_number(lapic_id());
  print(", counted to ");
  print_number(ROUNDS);
  print(", answers interrupts\n");
  unlock(&line_lock);
}

static void other(u32 n) {
  count();
  report(n);
  __sync_fetch_and_add(&finished, 1);
  for (;;) wait_for_interrupt();
}

u32 guest_main(void) {
  u32 vcpus = vcpu_count();
  interrupts_setup();
  interrupts_load();
  set_handler(PING, on_ping);
  start_others(other);
  count();
  report(0);
  while (finished != vcpus - 1) relax();
  send_ipi_to_others(PING);
  while (answers != vcpus - 1) relax();
  print("together: ");
  print_number(counter);
  print(counter == (u64)vcpus * ROUNDS ? " increments, none lost\n" : " increments: WRONG\n");
  return counter == (u64)vcpus * ROUNDS ? 0 : 1;
}
