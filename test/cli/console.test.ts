import { expect } from 'chai';
import { StdioBackend } from '../../src/cli/console.ts';

/** A serial port on a terminal or pipe that the test types into. */
function serialPort(escapes: boolean, isTerminal = true) {
  const shown: string[] = [];
  const requests: string[] = [];
  const received: string[] = [];
  let type: (text: string) => void = () => expect.fail('nothing reads yet');
  const stream = {
    isTerminal,
    write: (bytes: Uint8Array) => void shown.push(Buffer.from(bytes).toString()),
    read: (listener: (bytes: Uint8Array) => void) => {
      type = (text) => listener(Buffer.from(text));
    },
  };
  const port = new StdioBackend(stream, escapes, {
    quit: () => void requests.push('quit'),
    interrupt: () => void requests.push('interrupt'),
  });
  port.onInput((bytes) => received.push(Buffer.from(bytes).toString()));
  return { port, type: (text: string) => type(text), shown, requests, received };
}

describe('the serial port on the terminal', () => {
  it('shows what the guest sends and hands it what is typed', () => {
    const { port, type, shown, received } = serialPort(false);
    port.write(Buffer.from('login: '));
    type('root\r');
    expect(shown).to.deep.equal(['login: ']);
    expect(received).to.deep.equal(['root\r']);
  });

  it('interrupts the emulator at Ctrl-C and keeps it from the guest', () => {
    const { type, requests, received } = serialPort(false);
    type('a\x03b');
    expect(requests).to.deep.equal(['interrupt']);
    expect(received).to.deep.equal(['ab']);
  });

  it('passes every byte of a pipe', () => {
    const { type, requests, received } = serialPort(false, false);
    type('a\x01x\x03b');
    expect(requests).to.deep.equal([]);
    expect(received).to.deep.equal(['a\x01x\x03b']);
  });
});

describe('the serial port as mon:stdio', () => {
  it('quits at Ctrl-A x, also when they arrive apart', () => {
    const { type, requests, received } = serialPort(true);
    type('ls\x01');
    type('x');
    expect(requests).to.deep.equal(['quit']);
    expect(received).to.deep.equal(['ls']);
  });

  it('gives Ctrl-C to the guest', () => {
    const { type, requests, received } = serialPort(true);
    type('\x03');
    expect(requests).to.deep.equal([]);
    expect(received).to.deep.equal(['\x03']);
  });

  it('sends one Ctrl-A for two', () => {
    const { type, received } = serialPort(true);
    type('\x01\x01x');
    expect(received).to.deep.equal(['\x01x']);
  });

  it('explains itself at any other key and goes on', () => {
    const { type, shown, requests, received } = serialPort(true);
    type('\x01ha');
    expect(shown.join('')).to.include('Ctrl-A x  quit');
    expect(requests).to.deep.equal([]);
    expect(received).to.deep.equal(['a']);
  });
});
