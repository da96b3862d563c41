// Answers every JSON document on standard input with what a receiver makes of it: one line each,
// JSON.stringify(JSON.parse(document)), or "!" and the reason where that throws. A zero byte ends
// each document: it is the one byte that stands in no JSON text, inside or outside of strings.
'use strict';

const documents = require('fs').readFileSync(0).toString('utf8').split('\0');
documents.pop();
const answers = documents.map((document) => {
  try {
    return JSON.stringify(JSON.parse(document));
  } catch (error) {
    return '!' + String(error.message).replace(/\s/g, ' ');
  }
});
process.stdout.write(answers.join('\n') + '\n');
