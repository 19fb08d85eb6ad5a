// Arms breakpoints and single-steps, and prints what each #DB found: how many came, DR6, whether the last one's frame
// had RF, and how far behind the watched instruction it was.
#include "lib/guest.h"

#define DR6_BS 0x4000
#define TF 0x100
#define RF 0x10000
#define DEBUGCTL 0x1d9
#define BTF 2

static volatile u64 watched[4] __attribute__((aligned(64)));
static u8 source[64], target[64];
static volatile u32 traps;
static volatile u64 causes, last_rip, resumed;

static void on_debug(u64 vector, u64 *frame) {
  (void)vector;
  u64 dr6;
  __asm__ volatile("mov %%dr6, %0" : "=r"(dr6));
  traps++;
  causes |= dr6 & 0x400f;
  last_rip = frame[0];
  resumed = frame[2] & RF;
  __asm__ volatile("mov %0, %%dr6" ::"r"(0xffff0ff0ull));
  // A fault: go on behind the instruction's own breakpoint.
  if ((dr6 & 8) != 0) frame[2] |= RF;
}

static void arm(u32 index, const volatile void *address, u32 kind, u32 length) {
  traps = 0;
  causes = 0;
  if (index == 0) __asm__ volatile("mov %0, %%dr0" ::"r"(address));
  else __asm__ volatile("mov %0, %%dr3" ::"r"(address));
  __asm__ volatile("mov %0, %%dr7" ::"r"(0x400ull | 2ull << (2 * index) | (u64)(kind | length << 2) << (16 + 4 * index)));
}

static void report(const char *what) {
  __asm__ volatile("mov %0, %%dr7" ::"r"(0x400ull));
  print(what);
  print(" ");
  print_number(traps);
  print(" ");
  print_number(causes);
  print(resumed ? " RF\n" : "\n");
}

static void watch_data(void) {
  u64 after;
  arm(0, &watched[1], 1, 3);
  __asm__ volatile("movl $1, %1; 1: lea 1b(%%rip), %0" : "=r"(after), "=m"(watched[1])::"memory");
  report(last_rip == after ? "write" : "write: wrong RIP");
  arm(0, &watched[1], 1, 3);
  (void)watched[1];
  watched[0] = 5;
  watched[2] = 5;
  report("beside");
  arm(0, &watched[1], 3, 3);
  (void)watched[1];
  report("read");
  arm(0, &watched[1], 3, 3);
  __sync_fetch_and_add(&watched[1], 1);
  report("locked");
  arm(0, &target[8], 1, 0);
  u8 *from = source, *to = target;
  u64 count = 16;
  __asm__ volatile("rep movsb" : "+S"(from), "+D"(to), "+c"(count)::"memory");
  report(count == 0 ? "string" : "string: wrong count");
}

static void break_on_string(void) {
  u8 *to = target;
  u64 count = 16;
  extern char repeated[];
  arm(3, repeated, 0, 0);
  __asm__ volatile("repeated: rep stosb" : "+D"(to), "+c"(count) : "a"(7) : "memory");
  report("execution");
}

/** Steps over three instructions of which one jumps, and the POPF that ends it. */
static void step(const char *what, u64 debugctl) {
  arm(0, 0, 0, 0);
  __asm__ volatile("wrmsr" ::"c"(DEBUGCTL), "a"((u32)debugctl), "d"(0));
  __asm__ volatile("mov %0, %%dr7" ::"r"(0x400ull));
  __asm__ volatile(
      "pushfq; orq %0, (%%rsp); popfq; nop; jmp 1f; nop; 1: nop; pushfq; andq %1, (%%rsp); popfq" ::"i"(TF), "i"(~TF)
      : "memory", "cc");
  report(what);
}

u32 guest_main(void) {
  interrupts_setup();
  interrupts_load();
  set_handler(1, on_debug);
  watch_data();
  break_on_string();
  step("steps", 0);
  step("branches", BTF);
  return 0;
}
