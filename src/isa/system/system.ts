// System instructions, all done by TypeScript: SDM 3A 2.8, "System Instruction Summary". What transfers control or
// loads segments and descriptor tables is elsewhere.
import type { Definition } from '../definition.ts';

const row = (mnemonic: string, encoding: string, helper: string, more: Partial<Definition> = {}): Definition => ({
  mnemonic,
  encodings: encoding.split(' | '),
  helper,
  ...more,
});

const CONTINUES = { continues: true } as const;

/** Control and debug registers have 32 bits, or 64 in 64-bit mode, whatever the prefixes say. */
const controlRegisters: readonly Definition[] = [
  row('mov', '0F 20 Ry,Cy; f64', 'movFromControl', CONTINUES),
  row('mov', '0F 22 Cy,Ry; f64', 'movToControl'),
  row('mov', '0F 21 Ry,Dy; f64', 'movFromDebug'),
  row('mov', '0F 23 Dy,Ry; f64', 'movToDebug'),
  row('smsw', '0F 01 /4 Rv | 0F 01 /4 Mw', 'smsw', CONTINUES),
  row('lmsw', '0F 01 /6 Ew', 'lmsw'),
  row('clts', '0F 06', 'clts'),
  row('xgetbv', 'NP 0F 01 =D0', 'xgetbv', { ...CONTINUES, feature: 'xsave' }),
  row('xsetbv', 'NP 0F 01 =D1', 'xsetbv', { feature: 'xsave' }),
];

const memoryManagement: readonly Definition[] = [
  row('invlpg', '0F 01 /7 M', 'invlpg'),
  row('invpcid', '66 0F 38 82 Gy,Mx; f64', 'invpcid', { feature: 'invpcid' }),
  row('invd', '0F 08', 'wbinvd'),
  row('wbinvd', '0F 09', 'wbinvd'),
  row('wbnoinvd', 'F3 0F 09', 'wbinvd', { feature: 'wbnoinvd' }),
  row('clac', 'NP 0F 01 =CA', 'clac', { feature: 'smap' }),
  row('stac', 'NP 0F 01 =CB', 'stac', { feature: 'smap' }),
  row('rdpkru', 'NP 0F 01 =EE', 'rdpkru', { ...CONTINUES, feature: 'pku' }),
  row('wrpkru', 'NP 0F 01 =EF', 'wrpkru', { feature: 'pku' }),
];

const processor: readonly Definition[] = [
  // CPUID serializes: the block ends, so that code changed by another vCPU is seen (SDM 3A 8.1.3).
  row('cpuid', '0F A2', 'cpuid'),
  row('rdmsr', '0F 32', 'rdmsr', { feature: 'msr' }),
  row('wrmsr', '0F 30', 'wrmsr', { feature: 'msr' }),
  row('rdtsc', '0F 31', 'rdtsc', { ...CONTINUES, feature: 'tsc' }),
  row('rdtscp', '0F 01 =F9', 'rdtscp', { ...CONTINUES, feature: 'rdtscp' }),
  row('rdpmc', '0F 33', 'rdpmc'),
  row('rdpid', 'F3 0F C7 /7 Ry; f64', 'rdpid', { ...CONTINUES, feature: 'rdpid' }),
  row('rdrand', '0F C7 /6 Rv; nf', 'rdrand', { ...CONTINUES, feature: 'rdrand' }),
  row('rdseed', '0F C7 /7 Rv; nf', 'rdseed', { ...CONTINUES, feature: 'rdseed' }),
  row('hlt', 'F4', 'hlt'),
  row('monitor', 'NP 0F 01 =C8', 'monitor', { feature: 'monitor' }),
  row('mwait', 'NP 0F 01 =C9', 'mwait', { feature: 'monitor' }),
];

const hypercalls: readonly Definition[] = [
  row('vmcall', 'NP 0F 01 =C1', 'vmcall'),
  row('vmmcall', 'NP 0F 01 =D9', 'vmmcall'),
];

const segmentBases: readonly Definition[] = [
  row('rdfsbase', 'F3 0F AE /0 Ry; o64', 'rdfsbase', { ...CONTINUES, feature: 'fsgsbase' }),
  row('rdgsbase', 'F3 0F AE /1 Ry; o64', 'rdgsbase', { ...CONTINUES, feature: 'fsgsbase' }),
  row('wrfsbase', 'F3 0F AE /2 Ry; o64', 'wrfsbase', { ...CONTINUES, feature: 'fsgsbase' }),
  row('wrgsbase', 'F3 0F AE /3 Ry; o64', 'wrgsbase', { ...CONTINUES, feature: 'fsgsbase' }),
];

export const systemDefinitions: readonly Definition[] = [
  ...controlRegisters,
  ...memoryManagement,
  ...processor,
  ...hypercalls,
  ...segmentBases,
];
