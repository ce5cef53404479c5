// SPDX-License-Identifier: Apache-2.0
// Tells in X-Saw what Node's parser made of a request, and under /records of all of them. Prints its port.
const http = require('http');
const crypto = require('crypto');

const records = [];

http.createServer({ keepAliveTimeout: 60000, requestTimeout: 0 }, (request, response) => {
  const hash = crypto.createHash('sha1');
  let length = 0;
  request.on('data', (data) => {
    length += data.length;
    hash.update(data);
  });
  request.on('end', () => {
    if (request.url === '/records') return response.end(JSON.stringify(records));
    const saw = `${records.length} ${request.method} ${request.url} ${length} ${hash.digest('hex').slice(0, 8)}`;
    records.push(saw);
    response.setHeader('X-Saw', saw);
    response.setHeader('Content-Length', 0);
    response.end();
  });
}).listen(0, '127.0.0.1', function () { console.log(this.address().port); });
