import { expect } from 'chai';
import fc from 'fast-check';
import { applyCommaOptions, parseCommaOptions, type Setting, splitCommas } from '../../src/cli/comma-options.ts';
import { ValueError } from '../../src/cli/usage-error.ts';

describe("QEMU's comma syntax", () => {
  it('splits at commas and keeps doubled ones', () => {
    expect(splitCommas('a,b')).to.deep.equal(['a', 'b']);
    expect(splitCommas('a,,b,c')).to.deep.equal(['a,b', 'c']);
    expect(splitCommas('a,,,b')).to.deep.equal(['a,', 'b']);
    expect(splitCommas('')).to.deep.equal(['']);
  });

  it('gives back any texts that were joined with their commas doubled', () => {
    // An empty text after a comma would make that comma half of a doubled one, in QEMU too.
    const texts = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '=', ' '), minLength: 1 }), { minLength: 1 });
    fc.assert(
      fc.property(texts, (parts) => {
        const withCommas = parts.map((part) => `${part},${part}`);
        expect(splitCommas(withCommas.map((part) => part.replaceAll(',', ',,')).join(','))).to.deep.equal(withCommas);
      }),
    );
  });

  it('reads key=value, and the value of an implied key first', () => {
    expect(parseCommaOptions('4,cores=2', 'cpus')).to.deep.equal([
      { key: 'cpus', value: '4' },
      { key: 'cores', value: '2' },
    ]);
    expect(parseCommaOptions('cpus=4', 'cpus')).to.deep.equal([{ key: 'cpus', value: '4' }]);
  });

  it('keeps further equals signs in the value and commas that are doubled', () => {
    expect(parseCommaOptions('path=a=b,,c', null)).to.deep.equal([{ key: 'path', value: 'a=b,c' }]);
  });

  it('leaves an element without = without a value', () => {
    expect(parseCommaOptions('max,+x2apic,host-phys-bits', 'model').slice(1)).to.deep.equal([
      { key: '+x2apic', value: null },
      { key: 'host-phys-bits', value: null },
    ]);
  });

  for (const text of ['', 'a,', ',a', '=4', 'a,=b', 'a, ,,'.replace(' ', '')]) {
    it(`refuses the empty setting in '${text}'`, () => {
      expect(() => parseCommaOptions(text, 'x')).to.throw(ValueError, 'empty setting');
    });
  }

  describe('applied through a table', () => {
    const table: Record<string, Setting<string[]>> = {
      'kernel-irqchip': (target, value) => void target.push(value),
      bad: () => {
        throw new ValueError('never');
      },
    };

    it('takes _ for - in keys, and a lone key for on', () => {
      const values: string[] = [];
      applyCommaOptions(parseCommaOptions('kernel_irqchip=split,kernel-irqchip', null), table, values);
      expect(values).to.deep.equal(['split', 'on']);
    });

    it('names a key that is not in the table, and those that are', () => {
      const apply = () => applyCommaOptions(parseCommaOptions('foo=1', null), table, []);
      expect(apply).to.throw(ValueError, "'foo' cannot be honoured (known: bad, kernel-irqchip)");
    });

    it('does not take the names of Object for keys', () => {
      const apply = () => applyCommaOptions(parseCommaOptions('constructor=1', null), table, []);
      expect(apply).to.throw(ValueError, "'constructor' cannot be honoured");
    });

    it('names the key whose value is refused', () => {
      expect(() => applyCommaOptions(parseCommaOptions('bad=1', null), table, [])).to.throw(ValueError, 'bad: never');
    });
  });
});
