import type { RefusedOption } from './option.ts';

/**
 * QEMU's options that rookery cannot honour, by reason. They are listed so that the message can say why, and so that
 * the argument of such an option is not taken for a disk image. `'name='` takes an argument, `'name'` takes none.
 */
const refusals: Readonly<Record<string, readonly string[]>> = {
  'rookery does not use the host processor or its hypervisor': ['enable-kvm', 'xen-attach', 'xen-domid-restrict'],
  'Xen is not supported': ['xen-domid='],
  'the debugger connection is not built yet': ['gdb=', 's', 'S'],
  'the monitor and QMP are not built yet': ['qmp=', 'qmp-pretty=', 'mon=', 'chardev=', 'add-fd=', 'echr='],
  'snapshots and migration are not built yet on the command line': ['loadvm=', 'incoming=', 'dump-vmstate='],
  'migration rules are not built': ['only-migratable', 'compat='],
  'logging and tracing as in QEMU are not built': ['d=', 'D=', 'dfilter=', 'trace=', 'plugin=', 'singlestep'],
  'the deterministic mode is not built yet': ['icount=', 'seed='],
  'the ACPI tables and the HPET cannot be left out': ['no-acpi', 'no-hpet'],
  'there is no firmware': [
    'bios=',
    'pflash=',
    'boot=',
    'option-rom=',
    'L=',
    'fw_cfg=',
    'acpitable=',
    'smbios=',
    'uuid=',
  ],
  'device trees are not for PCs': ['dtb='],
  'disks are not built': ['hda=', 'hdb=', 'hdc=', 'hdd=', 'fda=', 'fdb=', 'cdrom=', 'drive=', 'blockdev=', 'snapshot'],
  'flash and SD cards are not built': ['mtdblock=', 'sd=', 'iscsi='],
  'networks are not built': ['netdev='],
  'file sharing is not built': ['fsdev=', 'virtfs='],
  'sound is not built': ['audio=', 'audiodev=', 'audio-help'],
  'USB is not built': ['usb', 'usbdevice='],
  'displays are not built': ['spice=', 'full-screen', 'g=', 'k=', 'rotate=', 'portrait', 'win2k-hack'],
  'a debug console port is not built': ['debugcon='],
  'TPMs are not built': ['tpmdev='],
  'watchdogs are not built': ['watchdog=', 'watchdog-action=', 'action='],
  'RAM is one block of shared memory': ['numa=', 'mem-path=', 'mem-prealloc', 'object='],
  'configuration files are not read': ['readconfig=', 'writeconfig=', 'set=', 'preconfig'],
  'the process itself is left as it is': ['daemonize', 'chroot=', 'runas=', 'pidfile=', 'msg=', 'async-teardown'],
  'lock statistics are not built': ['enable-sync-profile'],
};

export const refusedOptions: readonly RefusedOption[] = Object.entries(refusals).flatMap(([reason, names]) =>
  names.map((name): RefusedOption => {
    const base = { kind: 'refused', help: reason } as const;
    return name.endsWith('=') ? { ...base, names: [name.slice(0, -1)], argument: '...' } : { ...base, names: [name] };
  }),
);
