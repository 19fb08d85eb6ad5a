# Multiboot entry, the way to long mode, and the trampoline of the other vCPUs.
        .set    MAGIC, 0x1badb002
        .set    FLAGS, 0x3
        .set    STACK_SIZE, 0x4000
        .set    TRAMPOLINE, 0x8000
        .set    IA32_EFER, 0xc0000080

        .section .multiboot, "a"
        .balign 4
        .long   MAGIC, FLAGS, -(MAGIC + FLAGS)

        .text
        .code32
        .globl  _start
_start:
        mov     %ebx, multiboot_info
        mov     $boot_stack_top, %esp
        call    map_low_gigabytes
        call    enter_long_mode
        ljmp    $0x08, $bsp64

# Identity map of 4 GiB in 2 MiB pages: PML4 -> PDPT -> four page directories.
map_low_gigabytes:
        mov     $page_directories, %edi
        mov     $0x83, %eax
1:      mov     %eax, (%edi)
        movl    $0, 4(%edi)
        add     $8, %edi
        add     $0x200000, %eax
        jnc     1b
        mov     $page_directories + 3, %eax
        mov     $pdpt, %edi
        mov     $4, %ecx
2:      mov     %eax, (%edi)
        movl    $0, 4(%edi)
        add     $0x1000, %eax
        add     $8, %edi
        loop    2b
        movl    $pdpt + 3, pml4
        ret

# CR4.PAE and OSFXSR, CR3, EFER.LME, CR0.PG: SDM 3A 9.8.5. GDT for the far jump after.
enter_long_mode:
        lgdt    gdt_descriptor
        mov     %cr4, %eax
        or      $0x620, %eax
        mov     %eax, %cr4
        mov     $pml4, %eax
        mov     %eax, %cr3
        mov     $IA32_EFER, %ecx
        rdmsr
        or      $0x101, %eax
        wrmsr
        mov     %cr0, %eax
        and     $~4, %eax
        or      $0x80000023, %eax
        mov     %eax, %cr0
        ret

        .code64
bsp64:
        xor     %eax, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        lea     boot_stack_top(%rip), %rsp
        call    guest_main
        mov     %eax, %edi
        call    guest_exit
1:      hlt
        jmp     1b

# The other vCPUs arrive here in 64-bit mode and draw a stack each.
ap64:
        xor     %eax, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     $1, %eax
        lock xadd %eax, ap_count(%rip)
        inc     %eax
        mov     %eax, %edi
        imul    $STACK_SIZE, %eax, %eax
        lea     boot_stack_top(%rip), %rsp
        add     %rax, %rsp
        call    ap_main
1:      hlt
        jmp     1b

        .globl  load_idt
load_idt:
        lidt    (%rdi)
        ret

# One stub for every vector of the table in interrupts.c: saves what C may clobber, passes the vector.
        .macro  stub vector
        .balign 16
        pushq   $\vector
        jmp     common_stub
        .endm

        .balign 16
        .globl  interrupt_stubs
interrupt_stubs:
        .set    vector, 0
        .rept   256
        stub    vector
        .set    vector, vector + 1
        .endr

common_stub:
        push    %rax
        push    %rcx
        push    %rdx
        push    %rsi
        push    %rdi
        push    %r8
        push    %r9
        push    %r10
        push    %r11
        mov     72(%rsp), %rdi
        lea     80(%rsp), %rsi
        cld
        call    on_interrupt
        pop     %r11
        pop     %r10
        pop     %r9
        pop     %r8
        pop     %rdi
        pop     %rsi
        pop     %rdx
        pop     %rcx
        pop     %rax
        add     $8, %rsp
        iretq

# Copied to TRAMPOLINE; runs there in real mode.
        .code16
        .globl  trampoline_start, trampoline_end
trampoline_start:
        cli
        xor     %ax, %ax
        mov     %ax, %ds
        lgdtl   TRAMPOLINE + (trampoline_gdt - trampoline_start)
        mov     %cr0, %eax
        or      $1, %al
        mov     %eax, %cr0
        ljmpl   $0x18, $ap32
        .balign 4
trampoline_gdt:
        .word   gdt_end - gdt - 1
        .long   gdt
trampoline_end:

        .code32
ap32:
        mov     $0x10, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     $trampoline_stack_top, %esp
1:      lock btsl $0, trampoline_lock
        jnc     2f
        pause
        jmp     1b
2:      call    enter_long_mode
        movl    $0, trampoline_lock
        ljmp    $0x08, $ap64

        .data
        .balign 8
gdt:    .quad   0
        .quad   0x00af9b000000ffff
        .quad   0x00cf93000000ffff
        .quad   0x00cf9b000000ffff
gdt_end:
gdt_descriptor:
        .word   gdt_end - gdt - 1
        .long   gdt
        .globl  ap_count, multiboot_info
ap_count:
        .long   0
trampoline_lock:
        .long   0
multiboot_info:
        .long   0

        .bss
        .balign 4096
pml4:   .skip   4096
pdpt:   .skip   4096
page_directories:
        .skip   4 * 4096
        .skip   0x1000
trampoline_stack_top:
        .skip   STACK_SIZE
boot_stack_top:
        .skip   64 * STACK_SIZE
        .section .note.GNU-stack, "", @progbits
