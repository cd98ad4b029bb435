// The words on each page of a PDF that Chromium wrote: just enough of the format for its own files.

import { inflateSync } from 'node:zlib';

// The objects of the file, by number: what stands before the stream, and the stream unpacked.
function objects(file) {
    const text = file.toString('latin1');
    const found = new Map();
    for (const match of text.matchAll(/(?:^|\n)(\d+) 0 obj\s/g)) {
        const from = match.index + match[0].length;
        const rest = text.indexOf('endobj', from);
        const stream = text.indexOf('stream\n', from);
        if (stream < 0 || stream > rest) {
            found.set(match[1], { head: text.slice(from, rest), body: '' });
            continue;
        }
        const head = text.slice(from, stream);
        const length = Number(head.match(/\/Length (\d+)/)?.[1] ?? 0);
        const bytes = file.subarray(stream + 7, stream + 7 + length);
        const packed = head.includes('/FlateDecode');
        found.set(match[1], { head, body: (packed ? inflateSync(bytes) : bytes).toString('latin1') });
    }
    return found;
}

const letters = (hex) => Buffer.from(hex, 'hex').swap16().toString('utf16le');

// A font's table from glyphs to letters.
function table(body) {
    const glyphs = new Map();
    for (const [, list] of body.matchAll(/beginbfchar([\s\S]*?)endbfchar/g)) {
        for (const [, glyph, to] of list.matchAll(/<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>/g)) glyphs.set(parseInt(glyph, 16), letters(to));
    }
    for (const [, list] of body.matchAll(/beginbfrange([\s\S]*?)endbfrange/g)) {
        for (const [, first, last, to] of list.matchAll(/<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>/g)) {
            const [from, until, letter] = [first, last, to].map((hex) => parseInt(hex, 16));
            for (let glyph = from; glyph <= until; glyph += 1) glyphs.set(glyph, String.fromCodePoint(letter + glyph - from));
        }
    }
    return glyphs;
}

// Each page's words, without blanks.
export function printed(file) {
    const all = objects(file);
    const pages = [...all.values()].filter((one) => /\/Type\s*\/Page\b(?!s)/.test(one.head));
    return pages.map(({ head }) => {
        const fonts = new Map();
        for (const [, name, number] of head.matchAll(/\/(F\d+) (\d+) 0 R/g)) {
            const font = all.get(number)?.head ?? '';
            const unicode = font.match(/\/ToUnicode (\d+) 0 R/);
            // Drawn letters (Type 3) have codes of one byte, the others of two.
            const code = /\/Type3/.test(font) ? /.{2}/g : /.{4}/g;
            fonts.set(name, { code, glyphs: unicode ? table(all.get(unicode[1]).body) : new Map() });
        }
        const contents = [...(head.match(/\/Contents\s*(\[[^\]]*\]|\d+ 0 R)/)?.[1] ?? '').matchAll(/(\d+) 0 R/g)];
        const none = { code: /.{4}/g, glyphs: new Map() };
        let font = none;
        let text = '';
        for (const [, number] of contents) {
            for (const [, name, array, one] of all.get(number).body.matchAll(/\/(F\d+) [\d.]+ Tf|\[((?:<[0-9A-Fa-f]*>|[-\d.\s])*)\]\s*TJ|<([0-9A-Fa-f]*)>\s*Tj/g)) {
                if (name) font = fonts.get(name) ?? none;
                for (const [, hex] of (array ?? `<${one ?? ''}>`).matchAll(/<([0-9A-Fa-f]*)>/g)) {
                    for (const [glyph] of hex.matchAll(font.code)) text += font.glyphs.get(parseInt(glyph, 16)) ?? '';
                }
            }
        }
        // Chromium writes some letters as the radicals that look like them.
        return text.normalize('NFKC').replaceAll(/\s/g, '');
    });
}
