// The console in a real browser: every page as several roles, in both languages and themes, on a desk
// and on a phone, and the story of a report from its first key stroke to another sector's reader.
//
//     SEKISHO=target/debug/sekisho CONSOLE_PACKAGES=target/console-tests node tests/console/run.mjs
//
// CONSOLE_SHOTS=FOLDER also writes a picture of every page. CONSOLE_CSS=FILE tries a stylesheet out
// without building.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { audit, open, signIn, startBrowser, startHub } from './browser.mjs';
import { printed } from './paper.mjs';

const shots = process.env.CONSOLE_SHOTS;
if (shots) mkdirSync(shots, { recursive: true });
const only = process.argv[2];
let failed = 0;
let passed = 0;

async function test(name, body) {
    if (only && !name.includes(only)) return;
    const pages = [];
    const window = async (...args) => {
        const page = await open(browser, hub, ...args);
        const css = process.env.CONSOLE_CSS;
        if (css) {
            await page.route(/console-.*\.css$/, (route) =>
                route.fulfill({ contentType: 'text/css', body: readFileSync(css, 'utf8') }));
        }
        pages.push(page);
        return page;
    };
    const began = Date.now();
    try {
        await body(window);
        for (const page of pages) assert.deepEqual(page.wrong, []);
        passed += 1;
        console.log(`ok ${name} (${Date.now() - began} ms)`);
    } catch (error) {
        failed += 1;
        console.log(`FAILED ${name}\n${error.stack}`);
        for (const page of pages) console.log(`  at ${page.url()}`);
        if (shots && pages.length) await pages.at(-1).screenshot({ path: `${shots}/failed.png`, fullPage: true });
    } finally {
        for (const page of pages) await page.context().close();
    }
}

// A page is in order: axe finds nothing, it fits, it says which language it is in.
async function inOrder(page, name, language) {
    if (shots) await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
    assert.deepEqual(await audit(page), [], `${name} ${page.url()}`);
    assert.equal(await page.getAttribute('html', 'lang'), language);
    assert.equal(await page.locator('h1').count(), 1, name);
}

const hub = await startHub(process.env.SEKISHO ?? 'target/debug/sekisho');
const browser = await startBrowser();
const secret = '架空情報通信の西新宿第七局舎';
let advisory = '';

try {
    await test('the door: who is not known stays outside, in the language asked for', async (window) => {
        for (const [language, locale] of [['ja', 'ja-JP'], ['en', 'en-US']]) {
            const page = await window({ locale, width: language === 'ja' ? 320 : 1280, dark: language === 'en' });
            await page.goto('/');
            assert.match(page.url(), /\/console\/sign-in\?next=\/console$/);
            await inOrder(page, `sign-in-${language}`, language);
            await page.fill('#username', 'power-analyst');
            await page.fill('#password', 'wrong');
            await page.click('button.main');
            assert.ok(await page.isVisible('[role=alert]'));
            await inOrder(page, `sign-in-failed-${language}`, language);
            await page.click('.self button');
            assert.equal(await page.getAttribute('html', 'lang'), language === 'ja' ? 'en' : 'ja');
        }
    });

    await test('the keyboard alone leads in, past the menu and out again', async (window) => {
        const page = await window();
        await page.goto('/console');
        const login = hub.login('power-analyst');
        await page.focus('#username');
        await page.keyboard.type(login.username);
        await page.keyboard.press('Tab');
        await page.keyboard.type(login.password);
        await page.keyboard.press('Enter');
        await page.waitForURL((url) => url.pathname === '/console');
        await page.keyboard.press('Tab');
        assert.equal(await page.evaluate('document.activeElement.className'), 'skip');
        await page.keyboard.press('Enter');
        assert.equal(await page.evaluate('document.activeElement.id'), 'main');
        await page.click('text=サインアウト');
        await page.goto('/console/cases');
        assert.match(page.url(), /sign-in\?next=\/console\/cases$/);
    });

    await test('a report goes from the first key stroke to another sector, and not whole', async (window) => {
        const desk = await window();
        await signIn(desk, hub, 'ict-desk');
        await desk.click('nav.menu >> text=提供する');
        await desk.selectOption('#f-level', 'S2 第3種');
        await desk.locator('#f-title_ja').pressSequentially('夜間の経路変更で');
        // The preview comes by itself, and says what is still missing.
        await desk.waitForSelector('#shown .note.bad >> text=/summary');
        await desk.fill('#f-title_ja', '夜間の経路変更で一部の通信が止まった件');
        await desk.fill('#f-summary_ja', `${secret}での経路変更の確認が足りず、約二時間つながりにくくなった。`);
        await desk.fill('#f-must_anonymise', `${secret} => ある局舎`);
        await desk.check('input[name=event_types][value=system_unavailable]');
        await desk.check('input[name=cause_types][value=user_error]');
        await desk.fill('#f-timeline', '2026-11-20 01:10 経路を変更\n2026-11-20 03:05 元に戻して復旧');
        await desk.waitForSelector('#shown mark.gone');
        const shown = await desk.textContent('#shown');
        assert.match(shown, /ある局舎/);
        assert.match(shown, /匿名化/);
        await inOrder(desk, 'publish-preview-ja', 'ja');
        await desk.click('button[value=publish]');
        await desk.waitForURL(/\/console\/cases\/[0-9a-f-]+\?done=held/);
        await inOrder(desk, 'case-of-the-desk-ja', 'ja');

        const reader = await window();
        await signIn(reader, hub, 'power-analyst');
        await reader.goto('/console/cases');
        assert.doesNotMatch(await reader.textContent('main'), /夜間の経路変更/);
        const hidden = await reader.goto(new URL(desk.url()).pathname);
        assert.equal(hidden.status(), 404);

        const poc = await window();
        await signIn(poc, hub, 'ict-poc');
        await poc.click('main >> text=夜間の経路変更で一部の通信が止まった件');
        assert.match(await poc.textContent('mark.gone'), /架空情報通信/);
        await inOrder(poc, 'approval-ja', 'ja');
        await poc.fill('#comment', '経路の図がないことを確かめた');
        await poc.click('text=同意する >> nth=-1');
        await poc.waitForURL(/done=released/);

        await reader.goto('/console');
        await reader.click('text=夜間の経路変更で一部の通信が止まった件');
        const read = await reader.textContent('main');
        assert.match(read, /ある局舎での経路変更/);
        assert.doesNotMatch(read, /西新宿|架空情報通信/);
        assert.match(read, /匿名化/);
        await reader.selectOption('#said', 'action_taken');
        await reader.fill('#words', '夜間の変更に二人目の確認を加えた');
        await reader.click('text=提供元へ送る');
        await reader.waitForURL(/done=said/);
        await inOrder(reader, 'case-with-feedback-ja', 'ja');
        await desk.reload();
        assert.match(await desk.textContent('.said'), /二人目の確認/);
    });

    await test('without JavaScript the same form is tried out by a button and sent', async (window) => {
        const page = await window({ script: false, locale: 'en-US', width: 320 });
        await signIn(page, hub, 'gas-desk');
        await page.goto('/console/publish?kind=best_practice');
        await page.fill('#f-title_en', 'Two people read a change aloud');
        await page.click('button[value=preview]');
        assert.match(await page.textContent('#wrong'), /summary/);
        assert.equal(await page.inputValue('#f-title_en'), 'Two people read a change aloud');
        await page.fill('#f-summary_en', 'Changes at night are read aloud by two people.');
        await page.selectOption('#f-written_in', 'en');
        await page.fill('#f-practice', 'Read the change aloud, then do it.');
        await page.selectOption('#f-level', 'S3 丁');
        await page.click('button[value=preview]');
        assert.ok((await page.locator('#shown details').count()) > 0);
        await page.click('button[value=publish]');
        await page.waitForURL(/\/console\/cases\/[0-9a-f-]+\?done=/);
        assert.equal(await page.textContent('h1'), 'Two people read a change aloud');
    });

    await test('an advisory is issued, passed on, acknowledged and counted', async (window) => {
        const nco = await window();
        await signIn(nco, hub, 'nco-advisor');
        await nco.goto('/console/advisories/new');
        await nco.selectOption('#f-level', { index: 1 });
        const levels = await nco.locator('#f-level option').allTextContents();
        await nco.selectOption('#f-level', { index: levels.findIndex((level) => level.includes('GREEN')) });
        await nco.selectOption('#f-urgency', 'urgent');
        await nco.fill('#f-title_ja', 'VPN機器の脆弱性が悪用されています');
        await nco.fill('#f-summary_ja', '認証を回避できる脆弱性です。至急、更新してください。');
        await nco.fill('#f-measures', '更新する\n記録を確認する');
        await nco.waitForSelector('#shown details');
        await inOrder(nco, 'issue-ja', 'ja');
        await nco.click('button[value=publish]');
        await nco.waitForURL(/\/console\/cases\/[0-9a-f-]+\?done=released/);
        const poc = await window();
        await signIn(poc, hub, 'power-poc');
        await poc.click('text=VPN機器の脆弱性');
        advisory = new URL(poc.url()).pathname;
        await inOrder(poc, 'advisory-ja', 'ja');
        await poc.click('text=会員へ展開する');
        await poc.waitForURL(/done=passed-on/);
        const member = await window({ locale: 'en-US', width: 320 });
        await signIn(member, hub, 'power-op1-member');
        await member.click('text=VPN機器の脆弱性');
        await member.selectOption('#said', 'ack');
        await member.click('text=Send to the source');
        await member.waitForURL(/done=said/);
        await poc.goto(`${advisory}/board`);
        await inOrder(poc, 'board-ja', 'ja');
        assert.match(await poc.textContent('.figures'), /確認1/);
        await nco.click('text=到達状況');
        await inOrder(nco, 'board-issuer-ja', 'ja');
    });

    await test('an analyst searches, narrows, opens what was found and what is like it', async (window) => {
        // Without a script, and with the keyboard's Enter, in both languages and themes.
        for (const [language, settings] of [['ja', { script: false }], ['en', { script: false, locale: 'en-US', width: 320, dark: true }]]) {
            const page = await window(settings);
            await signIn(page, hub, 'power-analyst');
            await page.fill('#q', '障害');
            await page.press('#q', 'Enter');
            await page.waitForURL(/\/console\/search\?q=/);
            assert.equal(await page.inputValue('#q'), '障害');
            const all = await page.locator('.hits > li').count();
            assert.ok(all > 1, `${all} found`);
            assert.equal(await page.locator('.hits mark').first().textContent(), '障害');
            await page.locator('section[aria-labelledby=by-sector] a').first().click();
            assert.match(page.url(), /sector=/);
            assert.equal(await page.inputValue('#q'), '障害');
            assert.ok((await page.locator('.on a').count()) === 2);
            const narrowed = await page.locator('.hits > li').count();
            assert.ok(narrowed > 0 && narrowed < all, `${narrowed} of ${all}`);
            await page.locator('.on a').first().click();
            assert.equal(await page.locator('.hits > li').count(), all);
            const title = await page.locator('.hits h2 a').first().textContent();
            await page.locator('.hits h2 a').first().click();
            assert.equal(await page.textContent('h1'), title);
            await page.locator('a[href$="/similar"]').click();
            assert.ok((await page.locator('.hits .shared li').count()) > 0);
        }
        const page = await window();
        await signIn(page, hub, 'power-analyst');
        const bad = await page.goto('/console/search?q=' + encodeURIComponent('電力 "障害'));
        assert.equal(bad.status(), 400);
        assert.match(await page.textContent('[role=alert]'), /4文字目/);
        await inOrder(page, 'search-bad-ja', 'ja');
        await page.goto('/console/search?q=' + encodeURIComponent('どこにもない言葉'));
        assert.ok(await page.isVisible('.empty'));
        await inOrder(page, 'search-empty-ja', 'ja');
        await page.goto('/console/search?q=' + encodeURIComponent('障害') + '&sector=ict');
        await page.locator('.hits h2 a').first().click();
        await page.locator('a[href$="/similar"]').click();
        await inOrder(page, 'similar-ja', 'ja');
    });

    await test('cases are ticked, compared, kept in a set with notes, and printed with their handling on every page', async (window) => {
        for (const [language, settings] of [['ja', {}], ['en', { locale: 'en-US', width: 320, dark: true }]]) {
            const ja = language === 'ja';
            const page = await window(settings);
            await signIn(page, hub, 'power-analyst');
            await page.goto('/console/search?kind=incident_cause');
            const titles = await page.locator('.hits h2 a').allTextContents();
            // With the keyboard: a space ticks, Enter sends.
            for (const at of [0, 1, 2]) {
                await page.locator('.hits .pick').nth(at).focus();
                await page.keyboard.press('Space');
            }
            await page.locator('.picked button').first().focus();
            await page.keyboard.press('Enter');
            await page.waitForURL(/\/console\/compare\?ids=/);
            assert.deepEqual((await page.locator('thead th > a:first-child').allTextContents()), titles.slice(0, 3));
            assert.ok((await page.locator('.both').count()) > 0);
            const rows = await page.locator('tbody tr').count();
            await inOrder(page, `compared-${language}`, language);
            const region = page.locator('.compared');
            await region.focus();
            if (!ja) {
                assert.ok(await region.evaluate((one) => one.scrollWidth > one.clientWidth), 'the table scrolls by itself');
            }
            await page.click(ja ? 'text=違うところだけ' : 'text=Differences only');
            assert.ok((await page.locator('tbody tr').count()) < rows);
            await page.click(ja ? 'main >> text=作業セットに入れる' : 'main >> text=Add to a working set');
            await inOrder(page, `set-add-${language}`, language);
            await page.fill('#name', ja ? '波及の調査' : 'Ripple study');
            await page.click('button.main');
            await page.waitForURL(/\/console\/sets\/[0-9a-f-]+\?done=set-added/);
            await page.fill('#note', '四半期の報告に使う\n二行目');
            await page.locator('.hits textarea').nth(1).fill('似た設定がないか確かめる');
            await page.click('button.main');
            await page.waitForURL(/done=set-saved/);
            assert.equal(await page.inputValue('#note'), '四半期の報告に使う\n二行目');
            assert.equal(await page.locator('.hits textarea').nth(1).inputValue(), '似た設定がないか確かめる');
            await inOrder(page, `set-${language}`, language);
            await page.locator('button[name=remove]').first().click();
            await page.waitForURL(/done=set-saved/);
            assert.deepEqual(await page.locator('.hits h2 a').allTextContents(), titles.slice(1, 3));
            const set = page.url();
            await page.click('nav.menu a[href="/console/sets"]');
            await inOrder(page, `sets-${language}`, language);
            await page.goto(set);
            await page.locator('a[href^="/console/brief"]').click();
            await inOrder(page, `brief-${language}`, language);
            assert.match(await page.textContent('main'), /似た設定がないか確かめる/);
            const paper = printed(await page.pdf({ preferCSSPageSize: false, format: 'A4' }));
            if (shots) writeFileSync(`${shots}/brief-${language}.pdf`, await page.pdf({ format: 'A4' }));
            assert.ok(paper.length > 1, `${paper.length} pages`);
            const until = (await page.textContent('.until strong')).trim();
            const label = (await page.locator('.brief-body .tlp').first().textContent()).trim();
            for (const [at, text] of paper.entries()) {
                for (const words of [label, until, ja ? '使える目的' : 'Use it only for']) {
                    assert.ok(text.includes(words.replaceAll(' ', '')), `page ${at + 1} does not say ${words}: ${text.slice(0, 300)}`);
                }
            }
            await page.goto(set);
            const waits = page.waitForEvent('download');
            await page.click('text=CSV');
            assert.match((await waits).suggestedFilename(), /^sekisho-\d{4}-\d{2}-\d{2}\.csv$/);
        }
        const page = await window();
        await signIn(page, hub, 'power-analyst');
        await page.goto('/console/cases');
        const other = await page.inputValue('.pick >> nth=0');
        const unfit = await page.goto(`/console/export?format=csv&ids=${other}&ids=00000000-0000-4000-8000-000000000000`);
        assert.equal(unfit.status(), 404);
        assert.match(await page.textContent('main .plain'), /2件目/);
        assert.equal(await page.locator('main .plain li').count(), 1, 'which one it is, and no other');
        await inOrder(page, 'unfit-ja', 'ja');
    });

    await test('a search is saved, tells what is new, is looked at and forgotten', async (window) => {
        const reader = await window();
        await signIn(reader, hub, 'power-analyst');
        await reader.goto('/console/search?q=' + encodeURIComponent('停止') + '&sector=ict');
        await reader.fill('#save-name', 'いつもの停止');
        await reader.click('section[aria-labelledby=save] button');
        await reader.waitForURL(/\/console\/searches\?done=kept/);
        assert.match(await reader.textContent('main'), /いつもの停止 新着なし/);
        await inOrder(reader, 'searches-ja', 'ja');
        // Something new comes, and is counted on the front page.
        const cases = JSON.parse(readFileSync('demo/cases.json', 'utf8'));
        const report = cases.map((one) => one.report).find((one) => one.reference === 'ICT-02');
        report.reference = 'ICT-NEW';
        report.title = { ja: '新しい停止の件' };
        const desk = hub.login('ict-publisher');
        const sent = await fetch(`${hub.url}/v1/reports`, {
            method: 'POST',
            headers: {
                'content-type': 'application/json',
                authorization: 'Basic ' + Buffer.from(`${desk.username}:${desk.password}`).toString('base64'),
            },
            body: JSON.stringify(report),
        });
        assert.equal(sent.status, 201, await sent.text());
        await reader.goto('/console');
        assert.match(await reader.textContent('section[aria-labelledby=searches]'), /新着 1/);
        await inOrder(reader, 'home-with-searches-ja', 'ja');
        await reader.click('text=いつもの停止');
        await reader.waitForURL(/\/console\/searches\/[0-9a-f-]+$/);
        assert.match(await reader.textContent('main'), /新しい停止の件/);
        await inOrder(reader, 'search-new-ja', 'ja');
        await reader.click('text=ここまで見たことにする');
        await reader.waitForURL(/done=looked/);
        assert.match(await reader.textContent('main'), /新着なし/);
        await reader.click('summary');
        await reader.fill('main input[name=name]', '停止（情報通信）');
        await reader.click('button[value=rename]');
        await reader.waitForURL(/done=kept/);
        const narrow = await window({ locale: 'en-US', width: 320, dark: true });
        await signIn(narrow, hub, 'power-analyst');
        await narrow.goto('/console/searches');
        await narrow.click('summary');
        await inOrder(narrow, 'searches-narrow-en', 'en');
        await narrow.click('button[value=forget]');
        await narrow.waitForURL(/done=forgotten/);
        assert.match(await narrow.textContent('main'), /None yet/);
    });

    await test('a case is drawn as a graph that the keyboard walks, and as a table', async (window) => {
        for (const [locale, width, dark] of [['ja-JP', 1280, false], ['en-US', 320, true]]) {
            const page = await window({ locale, width, dark });
            await signIn(page, hub, 'power-analyst');
            await page.goto('/console/search?kind=incident_cause&indicator_type=domain,ipv4,sha256');
            await page.locator('.hits h2 a').first().click();
            await page.click('a[href$="/graph"]');
            await page.waitForURL(/\/graph$/);
            const nodes = await page.locator('.graph svg a').count();
            assert.ok(nodes >= 3, `${nodes} nodes`);
            assert.ok((await page.locator('.graph path').count()) >= 2);
            assert.ok((await page.locator('main tbody tr').count()) >= nodes);
            await inOrder(page, `graph-${width}`, locale.slice(0, 2));
            await page.locator('.graph svg a').nth(1).focus();
            await page.keyboard.press('Enter');
            await page.waitForURL(/#object-\d+$/);
        }
    });

    await test('a change of the rules is planned, told level by level, and nothing is stored', async (window) => {
        const council = readFileSync('demo/council.toml', 'utf8');
        const from = council.indexOf('[[schemes]]\nid = "S1"');
        const draft = council.slice(from, council.indexOf('[[schemes]]\nid = "S2"'))
            .replace('version = 1\neffective = "2025-04-01"', 'version = 2\neffective = "2035-04-01"')
            .replace('audience.other_ceptoars = { depth = "members_ntk", form = "anonymised" }',
                'audience.other_ceptoars = { depth = "none", form = "none" }')
            .replace('retention_max_days = 90', 'retention_max_days = 365');
        for (const [language, settings] of [['ja', {}], ['en', { locale: 'en-US', width: 320, dark: true }]]) {
            const ja = language === 'ja';
            const page = await window(settings);
            await signIn(page, hub, ja ? 'secretariat' : 'power-poc');
            await page.goto('/console/rules');
            await page.click(ja ? 'text=変更案を確かめる' : 'text=Plan a change');
            await inOrder(page, `plan-empty-${language}`, language);
            await page.fill('#text', draft.replace('version = 2', 'version = two'));
            await page.click('button.main');
            assert.match(await page.textContent('#wrong'), /line 3/);
            assert.match(await page.inputValue('#text'), /version = two/);
            await inOrder(page, `plan-wrong-${language}`, language);
            await page.fill('#text', draft);
            await page.click('button.main');
            await page.waitForSelector('#c-1');
            assert.match(await page.textContent('#c-1'), ja ? /S1 第2版/ : /S1 version 2/);
            assert.deepEqual(await page.locator('.figures dd').allTextContents(), ['1', '1', '0']);
            assert.match(await page.textContent('main'), ja ? /他セプター/ : /other CEPTOARs/);
            await page.locator('summary').first().focus();
            await page.keyboard.press('Enter');
            assert.ok(await page.locator('details table').first().isVisible());
            await inOrder(page, `plan-${language}`, language);
            await page.goto('/console/rules');
            assert.doesNotMatch(await page.textContent('main'), ja ? /S1 第2版/ : /S1 version 2/);
        }
        const other = await window();
        await signIn(other, hub, 'power-analyst');
        await other.goto('/console/rules');
        assert.equal(await other.locator('a[href="/console/rules/plan"]').count(), 0);
        assert.equal((await other.goto('/console/rules/plan')).status(), 404);
    });

    await test('every page, each role, both languages, light on a desk and dark on a phone', async (window) => {
        const roles = ['power-analyst', 'ict-desk', 'chemical-ot-lead', 'nco-advisor', 'secretariat'];
        const paths = ['', '/cases', '/cases?kind=best_practice', '/advisories', '/advisories?drill=true', '/approvals',
            '/publish', '/publish?kind=best_practice', '/advisories/new', '/notices', '/directory', '/rules',
            '/rules?first=S1:会員限&second=S3:乙', '/ledger', '/account', '/search?q=電力', '/search', '/statistics', '/sets', '/sets/add', '/compare', '/brief', '/nowhere'];
        const [light, dark] = [['ja', {}], ['en', { locale: 'en-US', width: 320, dark: true }]];
        for (const [at, role] of roles.entries()) {
            // Two roles meet both ways, the others one of them, turn about.
            for (const [language, settings] of at < 2 ? [light, dark] : [[light, dark][at % 2]]) {
                const page = await window(settings);
                await signIn(page, hub, role);
                for (const path of paths) {
                    const answer = await page.goto(`/console${path}`);
                    assert.equal(answer.status(), path === '/nowhere' ? 404 : 200, path);
                    const name = `${role}${path.replaceAll(/[^a-z]+/g, '-')}-${language}`;
                    await inOrder(page, name, language);
                }
                await page.goto('/console');
                if (await page.locator('main table a').count()) {
                    await page.locator('main table a').first().click();
                    await inOrder(page, `${role}-case-${language}`, language);
                }
            }
        }
    });

    await test('signing out everywhere ends the other browser too', async (window) => {
        const [one, other] = [await window(), await window()];
        for (const page of [one, other]) await signIn(page, hub, 'finance-analyst');
        await one.goto('/console/account');
        assert.equal(await one.locator('tbody tr').count(), 2);
        await one.click('text=すべての端末でサインアウト');
        await one.waitForURL(/sign-in/);
        await other.goto('/console/cases');
        assert.match(other.url(), /sign-in/);
    });

    await test("a decision's proof is checked in the browser, and a changed record is found out", async (window) => {
        const page = await window();
        await signIn(page, hub, 'auditor');
        const waitFor = Date.now() + 90_000;
        await page.goto('/console/ledger');
        // The log is sealed once a minute.
        while ((await page.locator('text=封印済み').count()) === 0) {
            assert.ok(Date.now() < waitFor, 'nothing was sealed in 90 seconds');
            await page.waitForTimeout(2_000);
            await page.reload();
        }
        await page.locator('tr', { hasText: '封印済み' }).first().locator('a').click();
        await page.waitForSelector('#outcome.good');
        assert.equal(await page.locator('.checks strong.good').count(), 3);
        await inOrder(page, 'decision-ja', 'ja');
        // The same page with one letter of the record changed on its way.
        await page.route('**/console/ledger/**', async (route) => {
            const answer = await route.fetch();
            const body = (await answer.text()).replace(/\\&#34;decision|\\&quot;decision/, '\\&#34;decisioN');
            await route.fulfill({ response: answer, body });
        });
        await page.reload();
        await page.waitForSelector('#outcome.bad');
    });
} finally {
    await browser.close();
    await hub.stop();
}
console.log(`console: ${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
