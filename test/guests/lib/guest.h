// What the guests share: ports, the local APIC, other vCPUs, locks, text on the first serial port.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define TRAMPOLINE 0x8000

// Local APIC registers: SDM 3A table 10-1.
#define LAPIC_ID 0x20
#define LAPIC_EOI 0xb0
#define LAPIC_SVR 0xf0
#define LAPIC_ICR_LOW 0x300
#define LAPIC_ICR_HIGH 0x310

#define ICR_INIT 0x500
#define ICR_STARTUP 0x600
#define ICR_ASSERT 0x4000
#define ICR_OTHERS 0xc0000

static inline void outb(u16 port, u8 value) { __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port)); }
static inline u8 inb(u16 port) {
  u8 value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
static inline void outw(u16 port, u16 value) { __asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port)); }
static inline void outl(u16 port, u32 value) { __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port)); }
static inline void relax(void) { __asm__ volatile("pause" ::: "memory"); }
static inline void interrupts_on(void) { __asm__ volatile("sti" ::: "memory"); }
static inline void interrupts_off(void) { __asm__ volatile("cli" ::: "memory"); }
/** Waits for an interrupt without a window between the check and the halt. */
static inline void wait_for_interrupt(void) { __asm__ volatile("sti; hlt; cli" ::: "memory"); }
static inline u64 read_cr2(void) {
  u64 value;
  __asm__ volatile("mov %%cr2, %0" : "=r"(value));
  return value;
}
static inline u64 read_cr3(void) {
  u64 value;
  __asm__ volatile("mov %%cr3, %0" : "=r"(value));
  return value;
}
static inline void invalidate_page(void *page) { __asm__ volatile("invlpg (%0)" ::"r"(page) : "memory"); }

u32 lapic_read(u32 reg);
void lapic_write(u32 reg, u32 value);
u32 lapic_id(void);
void send_ipi(u32 apic_id, u8 vector);
void send_ipi_to_others(u8 vector);

typedef struct {
  volatile u32 next, serving;
} ticket_lock;

void lock(ticket_lock *l);
void unlock(ticket_lock *l);

void print(const char *text);
void print_number(u64 value);
/** Ends the machine: turns it off for 0, else through the debug-exit port (status (code << 1) | 1). */
void guest_exit(u32 code);

typedef void (*interrupt_handler)(u64 vector, u64 *frame);
/** Builds the IDT once, on the bootstrap processor. */
void interrupts_setup(void);
/** Loads the IDT and enables the local APIC: on every vCPU. */
void interrupts_load(void);
void set_handler(u8 vector, interrupt_handler handler);
/** As set_handler, for vectors whose handler acknowledges at the local APIC by itself. */
void end_of_interrupt(void);

/** How many vCPUs the machine has, from fw_cfg. */
u32 vcpu_count(void);
/** Starts all other vCPUs and waits until each runs `entry(n)`, n from 1. */
void start_others(void (*entry)(u32 n));
