// A demo hub and a Chromium to look at it with. Time, ports and folders are this run's own.

import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

// The packages lie below target/, not beside this file.
const installed = createRequire(resolve(process.env.CONSOLE_PACKAGES, 'package.json'));
const { chromium } = installed('playwright-core');
const axe = await readFile(installed.resolve('axe-core/axe.min.js'), 'utf8');

export async function startHub(binary) {
    const dir = await mkdtemp(join(tmpdir(), 'sekisho-console-'));
    const args = ['demo', '--listen', '127.0.0.1:0', '--data-dir', join(dir, 'data')];
    const hub = spawn(binary, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const url = await new Promise((resolve, reject) => {
        let said = '';
        hub.stdout.on('data', (chunk) => {
            said += chunk;
            const found = said.match(/Sekisho demo: (http:\S+)/);
            if (found) resolve(found[1]);
        });
        hub.on('exit', (code) => reject(new Error(`the hub ended with ${code}: ${said}`)));
    });
    const logins = JSON.parse(await readFile(join(dir, 'data', 'credentials.json'), 'utf8'));
    const stop = async () => {
        hub.removeAllListeners('exit');
        hub.kill('SIGTERM');
        await rm(dir, { recursive: true, force: true });
    };
    return { url, stop, login: (name) => logins.find((login) => login.principal === name) };
}

export async function startBrowser() {
    return chromium.launch({
        executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
        args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
    });
}

// A window of somebody; every message of the browser and every request elsewhere is kept.
export async function open(browser, hub, { locale = 'ja-JP', width = 1280, dark = false, script = true } = {}) {
    const context = await browser.newContext({
        locale,
        javaScriptEnabled: script,
        colorScheme: dark ? 'dark' : 'light',
        viewport: { width, height: width < 600 ? 740 : 860 },
        reducedMotion: 'reduce',
        baseURL: hub.url,
    });
    const page = await context.newPage();
    page.wrong = [];
    page.on('console', (said) => {
        // A refused sign-in, a bad query and a hidden page are answers, and the browser calls them errors.
        if (said.type() === 'error' && !/status of (400|401|403|404|422|429)/.test(said.text())) page.wrong.push(said.text());
    });
    page.on('pageerror', (error) => page.wrong.push(String(error)));
    page.on('request', (request) => {
        const to = request.url();
        if (!to.startsWith(hub.url) && !to.startsWith('data:')) page.wrong.push(`asked ${to}`);
    });
    return page;
}

export async function signIn(page, hub, name) {
    const login = hub.login(name);
    await page.goto('/console/sign-in');
    await page.fill('#username', login.username);
    await page.fill('#password', login.password);
    await Promise.all([page.waitForURL(/\/console$/), page.click('button.main')]);
}

// What axe finds on a page, and whether the page fits its window.
export async function audit(page) {
    const found = await page.evaluate(`${axe}; axe.run(document, {
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    }).then(({ violations }) => violations.map(({ id, nodes }) =>
        id + ': ' + nodes.slice(0, 3).map(({ html, failureSummary }) => html.slice(0, 160) + ' ' + failureSummary).join(' | ')))`);
    const over = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
    if (over > 0) {
        const who = await page.evaluate(`[...document.querySelectorAll('body *')].filter((e) =>
            e.getBoundingClientRect().right > document.documentElement.clientWidth + 1 && !e.closest('.wide, pre, .hidden, thead'))
            .slice(0, 4).map((e) => e.outerHTML.slice(0, 100)).join(' | ')`);
        found.push(`${over} px wider than the window: ${who}`);
    }
    return found;
}
