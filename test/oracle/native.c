/*
 * Runs single user-mode instructions on the host's CPU.
 *
 * One signal handler does everything: it stores the outcome of the instruction that just trapped, builds the next
 * case's full register state in its own signal frame and returns into it (rt_sigreturn loads every register, flags,
 * x87/MMX and SSE state at once, and honours CS, so that compatibility mode works as well).
 * Wire format: see native.ts, which mirrors the two structures below. All integers are little-endian.
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <cpuid.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

/* The guest layout of layout.ts, passed as -D by native.ts so that there is one definition. */
#ifndef CODE_BASE
#error "build through native.ts"
#endif

enum {
  MAGIC = 0x31424b52,
  LINE = 64,
  LINES = DATA_SIZE / LINE,
  MAX_LENGTH = 16,
  MAX_CASES = 4096,
  ALTERNATE_STACK_SIZE = 1 << 16,
  TIMEOUT_VECTOR = -2,
  NO_EXCEPTION = -1,
  CS_64 = 0x33,
  CS_32 = 0x23,
  DATA_SELECTOR = 0x2b,
  CS_16 = 0x0f,   /* LDT entry 1, RPL 3 */
  DATA_16 = 0x17, /* LDT entry 2, RPL 3 */
};

struct wire_case {
  uint8_t bytes[MAX_LENGTH];
  uint8_t length, code_size, has_memory, reserved0;
  uint32_t rflags, mxcsr;
  uint16_t fcw, fsw;
  uint8_t ftw, reserved1[7];
  uint64_t gpr[16];
  uint8_t mm[64], xmm[256];
};

struct wire_outcome {
  uint64_t gpr[16];
  uint8_t mm[64], xmm[256];
  int64_t rip;
  uint64_t cr2;
  uint32_t rflags, mxcsr;
  int32_t vector;
  uint32_t error;
  uint16_t fcw, fsw;
  uint8_t ftw, reserved;
  uint16_t lines; /* how many changed_line records follow */
};

struct changed_line {
  uint64_t index;
  uint8_t bytes[LINE];
};

_Static_assert(sizeof(struct wire_case) == 488, "wire_case is laid out by native.ts");
_Static_assert(sizeof(struct wire_outcome) == 488, "wire_outcome is laid out by native.ts");

/* Where the general registers lie in gregs, in encoding order. */
static const int greg_of[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

/* The batch under way; the handler has no other way to reach it. */
static struct {
  struct wire_case *cases;
  uint8_t **memories; /* per case; equal pointers mean equal contents */
  uint32_t count, current;
  int started;
  uint8_t *code_alias;
  uint8_t *loaded_memory;
  uint8_t *out;
  size_t out_size;
  uint64_t fs_base;
  int data_selector;
  gregset_t main_registers;
} batch;

static void die(const char *what) {
  fprintf(stderr, "native oracle: %s: %s\n", what, strerror(errno));
  exit(1);
}

/* The handler may run with FS base 0, so that it can call nothing that may touch thread-local storage. */
static void copy_bytes(void *to, const void *from, size_t count) {
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

static int lines_differ(const uint8_t *a, const uint8_t *b) {
  const uint64_t *x = (const uint64_t *)a, *y = (const uint64_t *)b;
  uint64_t difference = 0;
  for (int i = 0; i < LINE / 8; i++) difference |= x[i] ^ y[i];
  return difference != 0;
}

static uint8_t *data_window(void) {
  uint8_t *window = (uint8_t *)DATA_BASE;
  __asm__("" : "+r"(window));
  return window;
}

/* Emits the lines that the instruction changed and puts the old contents back for the next case. */
static uint16_t store_memory_changes(const uint8_t *before) {
  uint8_t *window = data_window();
  uint16_t changed = 0;
  for (uint64_t i = 0; i < LINES; i++) {
    if (!lines_differ(window + i * LINE, before + i * LINE)) continue;
    struct changed_line *record = (struct changed_line *)(batch.out + batch.out_size);
    record->index = i;
    copy_bytes(record->bytes, window + i * LINE, LINE);
    copy_bytes(window + i * LINE, before + i * LINE, LINE);
    batch.out_size += sizeof *record;
    changed++;
  }
  return changed;
}

static uint64_t code_address(const struct wire_case *test) {
  return test->code_size == 16 ? CODE_START - CODE_BASE : CODE_START;
}

/*
 * Tells what ended the case. The fillers' INT3, and an instruction fetch that faults at a branch target outside the
 * code pages, only show that the instruction completed: they are not outcomes of the instruction itself.
 */
static void store_ending(struct wire_outcome *outcome, const struct wire_case *test, int signal, const greg_t *g) {
  int64_t offset = (int64_t)((uint64_t)g[REG_RIP] - code_address(test));
  outcome->vector = signal == SIGALRM ? TIMEOUT_VECTOR : (int32_t)g[REG_TRAPNO];
  outcome->error = (uint32_t)g[REG_ERR];
  outcome->cr2 = (uint64_t)g[REG_CR2];
  if (outcome->vector == 3 && (offset <= 0 || offset > test->length)) {
    outcome->vector = NO_EXCEPTION;
    offset -= 1;
  } else if (outcome->vector == 14 && (outcome->error & 0x10) && (offset < 0 || offset >= test->length)) {
    outcome->vector = NO_EXCEPTION;
  }
  outcome->rip = offset;
}

static void store_outcome(int signal, const ucontext_t *context) {
  const struct wire_case *test = &batch.cases[batch.current];
  const greg_t *g = context->uc_mcontext.gregs;
  const struct _libc_fpstate *fp = context->uc_mcontext.fpregs;
  struct wire_outcome *outcome = (struct wire_outcome *)(batch.out + batch.out_size);
  batch.out_size += sizeof *outcome;
  for (int i = 0; i < 16; i++) outcome->gpr[i] = (uint64_t)g[greg_of[i]];
  for (int i = 0; i < 8; i++) copy_bytes(outcome->mm + i * 8, fp->_st[i].significand, 8);
  copy_bytes(outcome->xmm, fp->_xmm, sizeof outcome->xmm);
  outcome->rflags = (uint32_t)g[REG_EFL];
  outcome->mxcsr = fp->mxcsr;
  outcome->fcw = fp->cwd;
  outcome->fsw = fp->swd;
  outcome->ftw = (uint8_t)fp->ftw;
  outcome->reserved = 0;
  store_ending(outcome, test, signal, g);
  outcome->lines = store_memory_changes(batch.memories[batch.current]);
  for (int i = 0; i < MAX_LENGTH; i++) batch.code_alias[CODE_START - CODE_BASE + i] = 0xcc;
}

/* CS and SS live in the frame; the others are loaded here and survive rt_sigreturn. */
static uint64_t load_segments(int code_size) {
  int data = code_size == 16 ? DATA_16 : DATA_SELECTOR;
  int code = code_size == 64 ? CS_64 : code_size == 32 ? CS_32 : CS_16;
  if (data != batch.data_selector) {
    __asm__ volatile("mov %0, %%ds\n\tmov %0, %%es\n\tmov %0, %%fs\n\tmov %0, %%gs" : : "r"(data));
    batch.data_selector = data;
  }
  if (data == DATA_SELECTOR) __asm__ volatile("wrfsbase %0\n\twrgsbase %0" : : "r"(0ull));
  return (uint64_t)data << 48 | (uint64_t)code;
}

static void load_case(ucontext_t *context) {
  const struct wire_case *test = &batch.cases[batch.current];
  greg_t *g = context->uc_mcontext.gregs;
  struct _libc_fpstate *fp = context->uc_mcontext.fpregs;
  for (int i = 0; i < 16; i++) g[greg_of[i]] = (greg_t)test->gpr[i];
  for (int i = 0; i < 8; i++) {
    copy_bytes(fp->_st[i].significand, test->mm + i * 8, 8);
    fp->_st[i].exponent = 0xffff; /* as any MMX write leaves it: SDM 1 9.2.2 */
  }
  copy_bytes(fp->_xmm, test->xmm, sizeof test->xmm);
  fp->mxcsr = test->mxcsr;
  fp->cwd = test->fcw;
  fp->swd = test->fsw;
  fp->ftw = test->ftw;
  fp->rip = fp->rdp = fp->fop = 0;
  *(uint64_t *)((uint8_t *)fp + 512) |= 3; /* XSTATE_BV: x87 and SSE are to be loaded, not initialised */
  g[REG_EFL] = test->rflags;
  g[REG_RIP] = (greg_t)code_address(test);
  g[REG_CSGSFS] = (greg_t)load_segments(test->code_size);
  g[REG_CR2] = 0;
  copy_bytes(batch.code_alias + CODE_START - CODE_BASE, test->bytes, test->length);
  if (batch.loaded_memory != batch.memories[batch.current]) {
    batch.loaded_memory = batch.memories[batch.current];
    copy_bytes(data_window(), batch.loaded_memory, DATA_SIZE);
  }
}

static void finish_batch(ucontext_t *context) {
  struct _libc_fpstate *fp = context->uc_mcontext.fpregs;
  copy_bytes(context->uc_mcontext.gregs, batch.main_registers, sizeof batch.main_registers);
  fp->mxcsr = 0x1f80;
  fp->cwd = 0x37f;
  fp->swd = fp->ftw = 0;
  load_segments(64);
  __asm__ volatile("wrfsbase %0" : : "r"(batch.fs_base));
}

static void handle_signal(int signal, siginfo_t *info, void *frame) {
  (void)info;
  /* POPF may have left AC, NT or ID set; the kernel neither clears them for a handler nor on return. */
  __asm__ volatile("pushq $0x202\n\tpopfq" : : : "cc", "memory");
  ucontext_t *context = frame;
  if (!batch.started) {
    if (signal == SIGALRM) return;
    batch.started = 1;
    copy_bytes(batch.main_registers, context->uc_mcontext.gregs, sizeof batch.main_registers);
  } else {
    store_outcome(signal, context);
    batch.current++;
  }
  if (batch.current < batch.count)
    load_case(context);
  else
    finish_batch(context);
}

static void read_exactly(void *to, size_t size) {
  if (fread(to, 1, size, stdin) != size) die("truncated batch on standard input");
}

static void read_cases(uint32_t count) {
  uint8_t *memory = NULL;
  for (uint32_t i = 0; i < count; i++) {
    read_exactly(&batch.cases[i], sizeof batch.cases[i]);
    if (batch.cases[i].length >= MAX_LENGTH + 1) die("instruction too long");
    if (batch.cases[i].has_memory) {
      memory = aligned_alloc(LINE, DATA_SIZE);
      if (!memory) die("out of memory");
      read_exactly(memory, DATA_SIZE);
    }
    if (!memory) die("first case has no memory");
    batch.memories[i] = memory;
  }
}

static void free_memories(uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (i == 0 || batch.memories[i] != batch.memories[i - 1]) free(batch.memories[i]);
}

/* A case that does not end (none should be generated) is cut off, and reported as TIMEOUT_VECTOR. */
static void set_timer(int seconds) {
  struct itimerval timer = {.it_interval = {seconds, 0}, .it_value = {seconds, 0}};
  if (setitimer(ITIMER_REAL, &timer, NULL)) die("setitimer");
}

static void __attribute__((noinline)) run_batch(uint32_t count) {
  batch.count = count;
  batch.current = 0;
  batch.started = 0;
  batch.loaded_memory = NULL;
  batch.out_size = 0;
  __asm__ volatile("rdfsbase %0" : "=r"(batch.fs_base));
  set_timer(5);
  __asm__ volatile("int3" : : : "memory", "cc");
  set_timer(0);
  if (fwrite(batch.out, 1, batch.out_size, stdout) != batch.out_size || fflush(stdout)) die("standard output");
}

static void *map_at(uint64_t address, size_t size, int protection, int flags, int file) {
  void *mapped = mmap((void *)address, size, protection, flags | MAP_POPULATE, file, 0);
  if (mapped == MAP_FAILED) die("mmap of the test windows");
  return mapped;
}

static void map_windows(void) {
  /* The code is written through an alias, so that the tested instruction cannot change it. */
  int file = memfd_create("oracle-code", 0);
  if (file < 0 || ftruncate(file, CODE_SIZE)) die("memfd_create");
  map_at(CODE_BASE, CODE_SIZE, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED_NOREPLACE, file);
  batch.code_alias = map_at(0, CODE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file);
  memset(batch.code_alias, 0xcc, CODE_SIZE);
  map_at(DATA_BASE, DATA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1);
}

static int make_segment(unsigned entry, uint64_t base, unsigned contents) {
  struct user_desc descriptor = {.entry_number = entry, .base_addr = base, .limit = 0xffff, .contents = contents};
  return syscall(SYS_modify_ldt, 1, &descriptor, sizeof descriptor) == 0;
}

static void install_handler(void) {
  stack_t stack = {.ss_sp = aligned_alloc(LINE, ALTERNATE_STACK_SIZE), .ss_size = ALTERNATE_STACK_SIZE};
  if (!stack.ss_sp || sigaltstack(&stack, NULL)) die("sigaltstack");
  struct sigaction action = {.sa_sigaction = handle_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigfillset(&action.sa_mask);
  const int signals[] = {SIGSEGV, SIGILL, SIGFPE, SIGTRAP, SIGBUS, SIGALRM};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    if (sigaction(signals[i], &action, NULL)) die("sigaction");
}

/* The first 32 bytes of output: CPUID words by which native.ts knows what this host can run. */
static void greet(int has_16_bit) {
  uint32_t a, b, c, d, hello[8] = {MAGIC};
  __get_cpuid(1, &a, &b, &hello[1], &hello[2]);
  __get_cpuid_count(7, 0, &a, &hello[3], &c, &d);
  __get_cpuid(0x80000001, &a, &b, &hello[4], &d);
  __get_cpuid(0, &a, &hello[5], &c, &d);
  hello[6] = (uint32_t)has_16_bit;
  fwrite(hello, sizeof hello, 1, stdout);
  fflush(stdout);
}

int main(void) {
  if (!(getauxval(AT_HWCAP2) & 2)) {
    fprintf(stderr, "native oracle: the host kernel does not enable FSGSBASE\n");
    return 1;
  }
  map_windows();
  batch.cases = calloc(MAX_CASES, sizeof *batch.cases);
  batch.memories = calloc(MAX_CASES, sizeof *batch.memories);
  batch.out = malloc(MAX_CASES * (sizeof(struct wire_outcome) + LINES * sizeof(struct changed_line)));
  if (!batch.cases || !batch.memories || !batch.out) die("out of memory");
  install_handler();
  greet(make_segment(1, CODE_BASE, 2) && make_segment(2, DATA_BASE - DATA_OFFSET_16, 0));
  uint32_t header[2];
  while (fread(header, sizeof header, 1, stdin) == 1) {
    if (header[0] != MAGIC || header[1] > MAX_CASES) die("bad batch header");
    read_cases(header[1]);
    run_batch(header[1]);
    free_memories(header[1]);
  }
  return 0;
}
