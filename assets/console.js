// The console works without this file. It adds two things: a preview as one types, and the check of a
// ledger's proof. It asks this hub alone and stores nothing.
'use strict';

// What the hub rendered is the only markup that is put in.
const rendered = self.trustedTypes
    ? trustedTypes.createPolicy('sekisho', { createHTML: (text) => text })
    : { createHTML: (text) => text };

function previewAsOneTypes(form) {
    const shown = document.getElementById('shown');
    const frame = document.getElementById('preview');
    let waiting = 0;
    let asked = 0;
    const ask = async () => {
        const mine = ++asked;
        frame.setAttribute('aria-busy', 'true');
        try {
            const body = new URLSearchParams(new FormData(form));
            const answer = await fetch(form.dataset.preview, { method: 'POST', body, redirect: 'error' });
            const text = await answer.text();
            // An older answer must not take a newer one's place.
            if (answer.ok && mine === asked) shown.innerHTML = rendered.createHTML(text);
        } catch {
            // The button still asks.
        }
        if (mine === asked) frame.removeAttribute('aria-busy');
    };
    form.addEventListener('input', () => {
        clearTimeout(waiting);
        waiting = setTimeout(ask, 500);
    });
}

const bytesOf = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
const joined = (...parts) => Uint8Array.from(parts.flatMap((part) => [...part]));
const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
const same = (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]);

// RFC 6962: a leaf is hashed with 0 before it, two children with 1.
const leafOf = async (salt, record) => sha256(joined([0], await sha256(joined(salt, record))));

// RFC 9162 section 2.1.3.2: the root that a leaf and its audit path lead to.
async function rootOf(leaf, index, size, path) {
    let [at, last, hash] = [BigInt(index), BigInt(size) - 1n, leaf];
    for (const step of path) {
        if (last === 0n) return null;
        if (at & 1n || at === last) {
            hash = await sha256(joined([1], step, hash));
            while (!(at & 1n) && at !== 0n) [at, last] = [at >> 1n, last >> 1n];
        } else {
            hash = await sha256(joined([1], hash, step));
        }
        [at, last] = [at >> 1n, last >> 1n];
    }
    return last === 0n ? hash : null;
}

// C2SP signed-note: the text, an empty line, and lines of `— name base64(key id, signature)`.
async function signed(note, key) {
    const end = note.indexOf('\n\n');
    const [name, , ...rest] = key.trim().split('+');
    const encoded = rest.join('+');
    const line = note.slice(end + 2).split('\n').find((one) => one.startsWith(`\u2014 ${name} `));
    if (end < 0 || !line) return false;
    const verifier = await crypto.subtle.importKey('raw', bytesOf(encoded).slice(1), 'Ed25519', false, ['verify']);
    const signature = bytesOf(line.split(' ')[2]).slice(4);
    return crypto.subtle.verify('Ed25519', verifier, signature, new TextEncoder().encode(note.slice(0, end + 1)));
}

async function verify(place) {
    const { good, bad, skip } = place.dataset;
    const tell = (id, is) => {
        const said = document.querySelector(`#${id} strong`);
        said.textContent = is === null ? `(${skip})` : is ? `✓ ${good}` : `✗ ${bad}`;
        said.className = is === null ? '' : is ? 'good' : 'bad';
        return is;
    };
    const outcome = document.getElementById('outcome');
    if (!self.crypto || !crypto.subtle) {
        outcome.textContent = skip;
        return;
    }
    const proof = JSON.parse(place.dataset.proof);
    const [, size, root] = proof.checkpoint.split('\n');
    const leaf = await leafOf(bytesOf(proof.salt), new TextEncoder().encode(proof.record));
    const leafHolds = tell('check-leaf', same(leaf, bytesOf(proof.leaf)));
    const found = await rootOf(leaf, proof.index, size, proof.path.map(bytesOf));
    const rootHolds = tell('check-root', found !== null && same(found, bytesOf(root)));
    let signatureHolds = null;
    try {
        signatureHolds = await signed(proof.checkpoint, place.dataset.key);
    } catch {
        // A browser without Ed25519.
    }
    tell('check-signature', signatureHolds);
    const holds = leafHolds && rootHolds && signatureHolds !== false;
    outcome.textContent = holds ? `✓ ${good}` : `✗ ${bad}`;
    outcome.className = holds ? 'note good' : 'note bad';
}

for (const form of document.querySelectorAll('form[data-preview]')) previewAsOneTypes(form);
const verdict = document.getElementById('verdict');
if (verdict) verify(verdict);
const wrong = document.getElementById('wrong');
if (wrong) wrong.focus();
