#include "guest.h"

#define COM1 0x3f8
#define DEBUG_EXIT 0xf4
// ACPI: the machine turns off when SLP_EN is written with sleep type 0.
#define PM1A_CONTROL 0x604
#define SLEEP_ENABLE 0x2000
#define PIC_MASTER_MASK 0x21
#define PIC_SLAVE_MASK 0xa1
#define FW_CFG_SELECTOR 0x510
#define FW_CFG_DATA 0x511
#define FW_CFG_NB_CPUS 5

extern volatile u32 ap_count;
extern u8 trampoline_start[], trampoline_end[];
extern u8 interrupt_stubs[];
void load_idt(void *descriptor);

static volatile u32 *const lapic = (volatile u32 *)0xfee00000;
static ticket_lock print_lock;

u32 lapic_read(u32 reg) { return lapic[reg / 4]; }
void lapic_write(u32 reg, u32 value) { lapic[reg / 4] = value; }
u32 lapic_id(void) { return lapic_read(LAPIC_ID) >> 24; }

void send_ipi(u32 apic_id, u8 vector) {
  lapic_write(LAPIC_ICR_HIGH, apic_id << 24);
  lapic_write(LAPIC_ICR_LOW, ICR_ASSERT | vector);
}

void send_ipi_to_others(u8 vector) { lapic_write(LAPIC_ICR_LOW, ICR_OTHERS | ICR_ASSERT | vector); }

void lock(ticket_lock *l) {
  u32 ticket = __sync_fetch_and_add(&l->next, 1);
  while (l->serving != ticket) relax();
}

void unlock(ticket_lock *l) {
  __asm__ volatile("" ::: "memory");
  l->serving = l->serving + 1;
}

static void put(char c) {
  while (!(inb(COM1 + 5) & 0x20)) relax();
  outb(COM1, c);
}

static void put_text(const char *text) {
  while (*text) put(*text++);
}

void print(const char *text) {
  lock(&print_lock);
  put_text(text);
  unlock(&print_lock);
}

void print_number(u64 value) {
  char digits[21];
  int at = 20;
  digits[20] = 0;
  do {
    digits[--at] = '0' + value % 10;
    value /= 10;
  } while (value);
  print(digits + at);
}

void guest_exit(u32 code) {
  if (code == 0) outw(PM1A_CONTROL, SLEEP_ENABLE);
  outl(DEBUG_EXIT, code);
  for (;;) __asm__ volatile("cli; hlt");
}

struct gate {
  u16 offset_low, selector;
  u8 ist, type;
  u16 offset_mid;
  u32 offset_high, zero;
} __attribute__((packed));

static struct gate idt[256];
static interrupt_handler handlers[256];

void interrupts_setup(void) {
  // Firmware leaves the PIT ticking into exception vectors; nothing here wants it.
  outb(PIC_MASTER_MASK, 0xff);
  outb(PIC_SLAVE_MASK, 0xff);
  for (int vector = 0; vector < 256; vector++) {
    u64 stub = (u64)interrupt_stubs + 16 * vector;
    idt[vector] = (struct gate){stub, 8, 0, 0x8e, stub >> 16, stub >> 32, 0};
  }
}

void interrupts_load(void) {
  struct {
    u16 limit;
    u64 base;
  } __attribute__((packed)) descriptor = {sizeof idt - 1, (u64)idt};
  load_idt(&descriptor);
  lapic_write(LAPIC_SVR, 0x1ff);
}

void set_handler(u8 vector, interrupt_handler handler) { handlers[vector] = handler; }
void end_of_interrupt(void) { lapic_write(LAPIC_EOI, 0); }

void on_interrupt(u64 vector, u64 *frame) {
  if (handlers[vector]) {
    handlers[vector](vector, frame);
    return;
  }
  print("unexpected interrupt ");
  print_number(vector);
  print("\n");
  guest_exit(0x7f);
}

u32 vcpu_count(void) {
  __asm__ volatile("outw %0, %1" ::"a"((u16)FW_CFG_NB_CPUS), "Nd"((u16)FW_CFG_SELECTOR));
  u32 low = inb(FW_CFG_DATA);
  return low | inb(FW_CFG_DATA) << 8;
}

static void (*ap_entry)(u32 n);
static volatile u32 arrived;

void ap_main(u32 n) {
  interrupts_load();
  __sync_fetch_and_add(&arrived, 1);
  ap_entry(n);
}

void start_others(void (*entry)(u32 n)) {
  u8 *low = (u8 *)TRAMPOLINE;
  for (u8 *from = trampoline_start; from < trampoline_end; from++) *low++ = *from;
  ap_entry = entry;
  lapic_write(LAPIC_ICR_LOW, ICR_OTHERS | ICR_ASSERT | ICR_INIT);
  lapic_write(LAPIC_ICR_LOW, ICR_OTHERS | ICR_ASSERT | ICR_STARTUP | (TRAMPOLINE >> 12));
  while (arrived != vcpu_count() - 1) relax();
}
