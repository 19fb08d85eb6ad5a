// Tier 0's reading of the definitions: operands are found through the micro-op at run time.
import type { Value } from '../isa/arithmetic.ts';
import type { Operand } from '../isa/semantics.ts';
import { CONTEXT } from '../state/context.ts';
import { CONTEXT_LOCAL, STATE, UOP_LOCAL } from './memory-semantics.ts';
import { Tier0Memory } from './tier0-memory.ts';
import { EXIT, LINK, UOP } from './uop.ts';

export class Tier0Semantics extends Tier0Memory {
  /** Set once a path of the definition has left for another block. */
  ended = false;

  #follow(slot: number): void {
    const { code } = this;
    const link = this.uopWord(slot);
    this.if(this.ltu(this.constant(LINK.dynamic, 32), link), () => {
      code.get(CONTEXT_LOCAL);
      this.push(link);
      this.push(link);
      code.memory('i32.load', STATE, UOP.offset.handler, 2).returnCallIndirect(this.imports.handlerType);
    });
    this.if(link, () => code.get(CONTEXT_LOCAL).opIndex('return_call', this.imports.dispatch));
    code
      .get(CONTEXT_LOCAL)
      .get(UOP_LOCAL)
      .i32(this.uopOffset + slot)
      .op('i32.add');
    code.memory('i32.store', STATE, CONTEXT.offset.linkSlot, 2);
    code.i32(EXIT.lookup).op('return');
  }

  jump(_target: Operand): void {
    this.arriveAt(this.relativeRip(this.uopLong(UOP.offset.immediate)));
    this.#follow(UOP.offset.base);
    this.ended = true;
  }

  branch(condition: Value, target: Operand): void {
    this.if(condition, () => this.jump(target));
    this.fallThrough();
  }

  /** Goes on after this instruction as a block of its own. The operand size does not truncate RIP here. */
  fallThrough(): void {
    const next = this.zeroExtend(this.uopHalf(UOP.offset.next), 64);
    this.arriveAt(this.add(this.contextLoad(CONTEXT.offset.rip, 64), next));
    this.#follow(UOP.offset.index);
    this.ended = true;
  }

  jumpTo(target: Value): void {
    this.arriveAt(this.zeroExtend(target, 64));
    this.code.get(CONTEXT_LOCAL).opIndex('return_call', this.imports.dispatch);
    this.ended = true;
  }

  /** Goes on to describe the micro-op after this one, in the same handler. */
  fuseNext(): void {
    this.uopOffset += UOP.size;
  }

  /** Tail-calls the handler of the next micro-op. */
  next(): void {
    const { code } = this;
    code.get(CONTEXT_LOCAL).get(UOP_LOCAL).i32(UOP.size).op('i32.add');
    code.get(UOP_LOCAL).memory('i32.load', STATE, UOP.size + UOP.offset.handler, 2);
    code.returnCallIndirect(this.imports.handlerType);
  }

  helper(name: string): void {
    this.callHelper(this.constant(this.helperId(name), 32));
  }

  callHelper(id: Value): void {
    const { code } = this;
    this.publish();
    const result = code.local('i32');
    code.get(UOP_LOCAL);
    this.push(id);
    code.opIndex('call', this.imports.helper).tee(result);
    code.if(() => code.get(result).op('return'));
    this.next();
  }

  /** The helper that the micro-op names. */
  callNamedHelper(): void {
    this.callHelper(this.uopWord(UOP.offset.helper));
  }
}
