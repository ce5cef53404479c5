// SPDX-License-Identifier: Apache-2.0
// A Node http server as people write it; prints its port when it listens.
const http = require('http');
const crypto = require('crypto');

const routes = {
  '/hello': (request, response) => response.end('hello from node'),
  '/chunked': (request, response) => {
    response.write('one,');
    setImmediate(() => response.end('two'));
  },
  '/trailers': (request, response) => {
    response.writeHead(200, { Trailer: 'X-Checksum' });
    response.write('body');
    response.addTrailers({ 'X-Checksum': 'abc' });
    response.end();
  },
  '/hints': (request, response) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload' });
    response.end('hinted');
  },
  '/hash': (request, response) => {
    const hash = crypto.createHash('sha256');
    request.on('data', (data) => hash.update(data));
    request.on('end', () => response.end(hash.digest('hex')));
  },
  '/echo': (request, response) => request.pipe(response),
  '/request-trailers': (request, response) => {
    request.resume();
    request.on('end', () => response.end(JSON.stringify(request.trailers)));
  },
  '/headers': (request, response) => response.end(JSON.stringify(request.rawHeaders)),
};

const server = http.createServer((request, response) => {
  const route = routes[request.url.split('?')[0]];
  if (route) return route(request, response);
  response.writeHead(404);
  response.end('nothing here');
});
server.keepAliveTimeout = Number(process.argv[2] || 5000);
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
