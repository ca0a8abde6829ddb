// A reporter of `node --test` that writes a JUnit report, for Node.js 18.15 and newer.
//
// Counts as node's own last lines do: every test counts once, also one that has subtests; suites
// count nothing. A test marked "todo" is a skipped one, whatever it did. (node's reporter "junit"
// leaves out the tests that have subtests, and with them their failures.)
'use strict';

const path = require('node:path');

// What XML 1.0 (section 2.2) allows; anything else would make the report unreadable.
const NOT_XML = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;
const MAX_DETAIL = 20000;
const ESCAPES = {'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\n': '&#10;'};

function xmlText(text) {
  return String(text).slice(0, MAX_DETAIL).replace(NOT_XML, '\ufffd')
      .replace(/[&<>"\n]/g, (character) => ESCAPES[character]);
}

function messageOf(error) {
  const cause = error && error.cause;
  return String((cause && cause.message) || cause || (error && error.message) || 'failed');
}

function outcome(type, data) {
  if (data.skip !== undefined && data.skip !== false) return '<skipped/>';
  if (data.todo !== undefined && data.todo !== false) return '<skipped message="todo"/>';
  if (type === 'test:pass') return '';
  return `<failure message="${xmlText(messageOf(data.details && data.details.error))}"/>`;
}

module.exports = async function* report(source) {
  yield '<?xml version="1.0" encoding="utf-8"?>\n<testsuite name="node">\n';
  for await (const {type, data} of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.details && data.details.type === 'suite') continue;
    const file = data.file ? path.relative(process.cwd(), data.file) : '';
    yield `<testcase name="${xmlText(data.name)}" file="${xmlText(file)}">` +
        `${outcome(type, data)}</testcase>\n`;
  }
  yield '</testsuite>\n';
};
