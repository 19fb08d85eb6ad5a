/** What an access does. */
export const ACCESS = { read: 0, write: 1, execute: 2 } as const;
export type Access = (typeof ACCESS)[keyof typeof ACCESS];

/**
 * With what privilege an access is made: SDM 3A 4.6.1, "Determination of Access Rights". `supervisor` is an explicit
 * supervisor-mode access while CPL is still 3 (the pushes of an inter-privilege transfer).
 */
export const PRIVILEGE = { current: 0, implicitSupervisor: 1, user: 2, supervisor: 3 } as const;
export type Privilege = (typeof PRIVILEGE)[keyof typeof PRIVILEGE];

/**
 * The low two bits of CONTEXT.tlbKey: the privileges that one linear address can be translated with. Implicit
 * supervisor accesses are those of `supervisor`, whatever EFLAGS.AC says. Nothing is ever filled for `checked`:
 * every access then reaches the slow path, which checks alignment.
 */
export const MMU_INDEX = { supervisor: 0, user: 1, supervisorAc: 2, checked: 3 } as const;
export type MmuIndex = (typeof MMU_INDEX)[keyof typeof MMU_INDEX];
