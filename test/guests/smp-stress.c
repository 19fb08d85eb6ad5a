// Locks, interrupts between vCPUs and shared page tables, all at once; every sum is checked at the end.
#include "lib/guest.h"

#define TOKEN 0x41
#define SHOOTDOWN 0x42
#define LOCKED_ROUNDS 200
#define TOKEN_ROUNDS 20
#define REMAP_ROUNDS 10
#define FRAMES 8
// A gigabyte that the identity map does not need: its second table entry is free for our own page table.
#define WINDOW 0x140000000ull

static ticket_lock sum_lock;
static ticket_lock map_lock;
static volatile u64 sum;
static volatile u32 atomic_sum;
static volatile u32 token[64];
static volatile u32 token_total;
static volatile u32 acknowledged;
static volatile u32 wrong;
static volatile u32 phase_count[4];
static volatile u32 finished;
static u32 vcpus;

static u64 directory[512] __attribute__((aligned(4096)));
static u64 table[512] __attribute__((aligned(4096)));
static volatile u64 frames[FRAMES][512] __attribute__((aligned(4096)));

static void on_token(u64 vector, u64 *frame) {
  (void)vector, (void)frame;
  token[lapic_id()]++;
  end_of_interrupt();
}

static void on_shootdown(u64 vector, u64 *frame) {
  (void)vector, (void)frame;
  invalidate_page((void *)WINDOW);
  __sync_fetch_and_add(&acknowledged, 1);
  end_of_interrupt();
}

static void barrier(int phase) {
  __sync_fetch_and_add(&phase_count[phase], 1);
  while (phase_count[phase] != vcpus) relax();
}

static void add_under_lock(void) {
  for (int round = 0; round < LOCKED_ROUNDS; round++) {
    lock(&sum_lock);
    sum += 1;
    unlock(&sum_lock);
    __sync_fetch_and_add(&atomic_sum, 1);
  }
}

// Each vCPU waits for its token, halting between looks, and hands it to the next.
static void pass_token(u32 me) {
  for (u32 round = 1; round <= TOKEN_ROUNDS; round++) {
    if (me == 0) send_ipi((me + 1) % vcpus, TOKEN);
    interrupts_off();
    while (token[me] < round) wait_for_interrupt();
    interrupts_on();
    __sync_fetch_and_add(&token_total, 1);
    if (me != 0) send_ipi((me + 1) % vcpus, TOKEN);
  }
}

// Points the window at another frame, makes all others forget the old one, and looks at what is there.
static void remap(u32 me) {
  for (u32 round = 0; round < REMAP_ROUNDS; round++) {
    while (__sync_lock_test_and_set(&map_lock.next, 1)) relax();
    u32 frame = (me + round) % FRAMES;
    table[0] = (u64)frames[frame] | 3;
    invalidate_page((void *)WINDOW);
    acknowledged = 0;
    send_ipi_to_others(SHOOTDOWN);
    while (acknowledged != vcpus - 1) relax();
    if (*(volatile u64 *)WINDOW != 0x1000 + frame) __sync_fetch_and_add(&wrong, 1);
    __sync_lock_release(&map_lock.next);
  }
}

static void work(u32 me) {
  interrupts_on();
  barrier(0);
  add_under_lock();
  barrier(1);
  pass_token(me);
  barrier(2);
  remap(me);
  barrier(3);
}

static void other(u32 n) {
  (void)n;
  // Interrupts go by APIC ID, which is not the order in which vCPUs arrive.
  work(lapic_id());
  __sync_fetch_and_add(&finished, 1);
  for (;;) wait_for_interrupt();
}

static void map_window(void) {
  u64 *pml4 = (u64 *)(read_cr3() & ~0xfffull);
  u64 *pointers = (u64 *)(pml4[0] & ~0xfffull);
  pointers[WINDOW >> 30] = (u64)directory | 3;
  directory[0] = (u64)table | 3;
  table[0] = (u64)frames[0] | 3;
  for (int frame = 0; frame < FRAMES; frame++) frames[frame][0] = 0x1000 + frame;
}

static u32 check(const char *name, u64 value, u64 expected) {
  print(name);
  print(" ");
  print_number(value);
  print(value == expected ? " ok\n" : " WRONG\n");
  return value != expected;
}

u32 guest_main(void) {
  vcpus = vcpu_count();
  interrupts_setup();
  interrupts_load();
  set_handler(TOKEN, on_token);
  set_handler(SHOOTDOWN, on_shootdown);
  map_window();
  start_others(other);
  work(0);
  while (finished != vcpus - 1) relax();
  u32 failures = check("locked", sum, (u64)vcpus * LOCKED_ROUNDS);
  failures += check("atomic", atomic_sum, vcpus * LOCKED_ROUNDS);
  failures += check("tokens", token_total, vcpus * TOKEN_ROUNDS);
  failures += check("wrong", wrong, 0);
  return failures;
}
