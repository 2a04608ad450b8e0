/**
 * Compresses text, synchronously: at `pagehide` CompressionStream delivers nothing, and only what
 * fits in 64 KiB may still leave. One dynamic-Huffman block (RFC 1951) in a gzip frame (RFC 1952).
 */

export function gzip(text: string): Uint8Array<ArrayBuffer> {
  const input = new TextEncoder().encode(text);
  // Huffman spends 9 bits a byte at the very worst, and the tables fit in 512 bytes.
  const out = openBits(input.length * 2 + 512);
  for (const byte of [31, 139, 8, 0, 0, 0, 0, 0, 0, 255]) out.put(byte, 8);
  deflate(input, out);
  for (const word of [crc32(input), input.length]) {
    out.put(word & 0xffff, 16);
    out.put(word >>> 16, 16);
  }
  return out.bytes();
}

function deflate(input: Uint8Array, out: Bits): void {
  const tokens = findMatches(input);
  const literals = new Array<number>(286).fill(0);
  const distances = new Array<number>(30).fill(0);
  literals[END] = 1;
  for (const token of tokens) {
    if (token < END) literals[token]!++;
    else {
      literals[257 + symbolOf(token & 255, 2)]!++;
      distances[symbolOf((token >> 8) - 1, 1)]!++;
    }
  }
  const literalLengths = codeLengths(literals, 15);
  const distanceLengths = codeLengths(distances, 15);
  const lengths = [...literalLengths, ...distanceLengths];
  const counts = new Array<number>(19).fill(0);
  for (const length of lengths) counts[length]!++;
  const tableLengths = codeLengths(counts, 7);

  // The last block, with codes of its own: 286 + 30 lengths follow, written in 19 codes.
  out.put(1 | (2 << 1) | (29 << 3) | (29 << 8) | (15 << 13), 17);
  for (const symbol of TABLE_ORDER) out.put(tableLengths[symbol]!, 3);
  const putLength = coder(tableLengths, out);
  for (const length of lengths) putLength(length);

  const putLiteral = coder(literalLengths, out);
  const putDistance = coder(distanceLengths, out);
  const putValue = (value: number, shift: Shift, put: (symbol: number) => void, first: number): void => {
    put(first + symbolOf(value, shift));
    const bits = extraBits(value, shift);
    out.put(value & ((1 << bits) - 1), bits);
  };
  for (const token of tokens) {
    if (token < END) putLiteral(token);
    else {
      putValue(token & 255, 2, putLiteral, 257);
      putValue((token >> 8) - 1, 1, putDistance, 0);
    }
  }
  putLiteral(END);
  out.align();
}

/** Bytes as they are; matches as `distance << 8 | length - 3`, which is never below 256. */
function findMatches(input: Uint8Array): number[] {
  const tokens: number[] = [];
  const newest = new Int32Array(1 << HASH_BITS).fill(-1);
  /** For each position, the one before it with the same hash. */
  const older = new Int32Array(input.length);
  const last = input.length - MIN_MATCH;
  const remember = (at: number): number => {
    const four = input[at]! | (input[at + 1]! << 8) | (input[at + 2]! << 16) | (input[at + 3]! << 24);
    const hash = Math.imul(four, 0x9e3779b1) >>> (32 - HASH_BITS);
    const before = newest[hash]!;
    older[at] = before;
    newest[hash] = at;
    return before;
  };
  for (let at = 0; at < input.length; ) {
    let length = MIN_MATCH - 1;
    let distance = 0;
    if (at <= last) {
      let candidate = remember(at);
      for (let tries = MAX_TRIES; tries && candidate >= 0 && at - candidate <= WINDOW; tries--) {
        if (input[candidate + length] === input[at + length]) {
          let same = 0;
          while (same < MAX_MATCH && at + same < input.length && input[candidate + same] === input[at + same]) same++;
          if (same > length) {
            length = same;
            distance = at - candidate;
          }
        }
        candidate = older[candidate]!;
      }
    }
    if (distance) {
      tokens.push((distance << 8) | (length - 3));
      for (const end = at + length; ++at < end; ) if (at <= last) remember(at);
    } else tokens.push(input[at++]!);
  }
  return tokens;
}

/** How many bits of a value follow its symbol (RFC 1951, 3.2.5): each symbol group doubles. */
function extraBits(value: number, shift: Shift): number {
  return Math.max(0, 31 - shift - Math.clz32(value));
}

function symbolOf(value: number, shift: Shift): number {
  const bits = extraBits(value, shift);
  return (bits << shift) + (value >> bits);
}

/** Huffman code lengths, 0 for what does not occur. Flattens the counts until none is too long. */
function codeLengths(counts: number[], limit: number): number[] {
  const lengths = counts.map(() => 0);
  const nodes = counts
    .map((count, symbol) => ({ count, symbols: [symbol] }))
    .filter(({ count }) => count)
    .sort((a, b) => a.count - b.count);
  // A lone symbol still needs a bit.
  if (nodes.length === 1) lengths[nodes[0]!.symbols[0]!] = 1;
  while (nodes.length > 1) {
    const [a, b] = nodes.splice(0, 2) as [Node, Node];
    const joined = { count: a.count + b.count, symbols: [...a.symbols, ...b.symbols] };
    for (const symbol of joined.symbols) lengths[symbol]!++;
    const place = nodes.findIndex(({ count }) => count >= joined.count);
    nodes.splice(place < 0 ? nodes.length : place, 0, joined);
  }
  const tooLong = lengths.some((length) => length > limit);
  return tooLong ? codeLengths(counts.map((count) => (count + 1) >> 1), limit) : lengths;
}

/** Writes symbols in the canonical code of these lengths (RFC 1951, 3.2.2), first bit first. */
function coder(lengths: number[], out: Bits): (symbol: number) => void {
  const codes: number[] = [];
  let code = 0;
  for (let length = 1; length < 16; length++, code <<= 1) {
    lengths.forEach((own, symbol) => {
      if (own !== length) return;
      let reversed = 0;
      for (let bit = 0; bit < length; bit++) reversed |= ((code >> bit) & 1) << (length - 1 - bit);
      codes[symbol] = reversed;
      code++;
    });
  }
  return (symbol) => out.put(codes[symbol]!, lengths[symbol]!);
}

/** Bits, lowest first. */
function openBits(capacity: number): Bits {
  const bytes = new Uint8Array(capacity);
  let length = 0;
  let held = 0;
  let count = 0;
  return {
    put(value, bits) {
      held |= value << count;
      for (count += bits; count > 7; count -= 8) {
        bytes[length++] = held;
        held >>>= 8;
      }
    },
    align() {
      if (count) this.put(0, 8 - count);
    },
    bytes: () => bytes.subarray(0, length),
  };
}

function crc32(input: Uint8Array): number {
  const table = Int32Array.from({ length: 256 }, (_, byte) => {
    for (let bit = 0; bit < 8; bit++) byte = (byte >>> 1) ^ (byte & 1 && 0xedb88320);
    return byte;
  });
  let crc = -1;
  for (const byte of input) crc = (crc >>> 8) ^ table[(crc ^ byte) & 255]!;
  return ~crc;
}

interface Bits {
  /** At most 17 bits at a time. */
  put(value: number, bits: number): void;
  /** Fills the byte that has begun. */
  align(): void;
  bytes(): Uint8Array<ArrayBuffer>;
}

interface Node {
  count: number;
  symbols: number[];
}

/** Symbols per doubling of the value, as a power of two: 2 for lengths, 1 for distances. */
type Shift = 1 | 2;

const END = 256;
/** Shorter ones cost more than their letters. */
const MIN_MATCH = 4;
/** 258 has a symbol of its own in the format; without it the symbols follow one rule. */
const MAX_MATCH = 257;
const WINDOW = 32_768;
const HASH_BITS = 15;
/** Beyond this the text no longer shrinks noticeably. */
const MAX_TRIES = 8;
/** RFC 1951, 3.2.7. */
const TABLE_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
