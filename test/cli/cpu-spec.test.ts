import { expect } from 'chai';
import { cpuModelList, cpuModelNames } from '../../src/cli/cpu-models.ts';
import { inertCpuProperties, parseCpu } from '../../src/cli/cpu-spec.ts';
import { ValueError } from '../../src/cli/usage-error.ts';

const features = (text: string) => Object.fromEntries(parseCpu(text).features);

describe('-cpu', () => {
  const vendors: [string, 'intel' | 'amd'][] = [
    ['intel', 'intel'],
    ['amd', 'amd'],
    ['max', 'intel'],
    ['host', 'intel'],
    ['qemu64', 'intel'],
    ['Skylake-Server', 'intel'],
    ['IvyBridge', 'intel'],
    ['EPYC', 'amd'],
    ['EPYC-v4', 'amd'],
    ['Opteron_G1', 'amd'],
    ['max,+svm', 'amd'],
    ['max,+svm,-npt', 'amd'],
    ['max,svm=on', 'amd'],
    ['max,+vmx', 'intel'],
    ['max,-svm', 'intel'],
    ['Skylake-Server,+svm', 'intel'],
    ['max,vendor=AuthenticAMD', 'amd'],
    ['qemu64,vendor=GenuineIntel', 'intel'],
    ['Opteron_G1,vendor=GenuineIntel', 'intel'],
  ];
  for (const [text, vendor] of vendors) {
    it(`${text} is of vendor ${vendor}`, () => expect(parseCpu(text).model).to.equal(vendor));
  }

  it('keeps the name as written', () => expect(parseCpu('EPYC-v4,+svm').name).to.equal('EPYC-v4'));

  it('switches features on and off in every notation', () => {
    expect(features('max,+x2apic,-pku,umip=on,smap=off,invpcid')).to.deep.equal({
      x2apic: true,
      pku: false,
      umip: true,
      smap: false,
      invpcid: true,
    });
  });

  it('keeps other values as texts', () => {
    expect(features('IvyBridge,phys-bits=36,host-phys-bits=off,+vmx')).to.deep.equal({ 'phys-bits': '36', vmx: true });
  });

  it('takes host-phys-bits as the widest physical addresses', () => {
    expect(features('max,host-phys-bits')).to.deep.equal({ 'phys-bits': '52' });
  });

  it('writes names with - and resolves aliases', () => {
    expect(features('max,+tsc_deadline,+sse4_1,+sse4.2,-sse3,hv_passthrough')).to.deep.equal({
      'tsc-deadline': true,
      'sse4.1': true,
      'sse4.2': true,
      pni: false,
      'hv-passthrough': true,
    });
  });

  it('lets -f win over +f, and both over f=, in whatever order', () => {
    expect(features('max,-pku,+pku')).to.deep.equal({ pku: false });
    expect(features('max,+pku,pku=off')).to.deep.equal({ pku: true });
    expect(features('max,-pku,pku=on')).to.deep.equal({ pku: false });
    expect(features('max,pku=on,pku=off')).to.deep.equal({ pku: false });
  });

  it('takes long mode from 32-bit models', () => {
    for (const name of ['qemu32', 'kvm32', 'coreduo', 'n270', 'athlon']) {
      expect(features(name), name).to.deep.equal({ lm: false });
    }
    expect(features('qemu32,+lm')).to.deep.equal({ lm: true });
  });

  for (const property of Object.keys(inertCpuProperties)) {
    it(`accepts ${property} without effect`, () =>
      expect(features(`max,${property},${property}=off`)).to.deep.equal({}));
  }

  const refused: [string, string][] = [
    ['', 'empty setting'],
    ['zork', "unable to find CPU model 'zork'"],
    ['haswell', "unable to find CPU model 'haswell'"],
    ['base', "unable to find CPU model 'base'"],
    ['+x2apic', "unable to find CPU model '+x2apic'"],
    ['pku=on', "unable to find CPU model ''"],
    ['max,', 'empty setting'],
    ['max,+', "'+' names no feature"],
    ['max,vendor=CyrixInstead', "vendor 'CyrixInstead' is not"],
    ['max,+vendor', "vendor 'true' is not"],
  ];
  for (const [text, reason] of refused) {
    it(`refuses '${text}'`, () => expect(() => parseCpu(text)).to.throw(ValueError, reason));
  }

  it('lists every model, each of which it then takes', () => {
    for (const { names } of cpuModelNames) {
      for (const name of names) {
        expect(cpuModelList()).to.match(new RegExp(`^x86 ${name} `, 'm'));
        expect(parseCpu(name).name).to.equal(name);
        expect(parseCpu(`${name}-v1`).model).to.equal(parseCpu(name).model);
      }
    }
  });
});
