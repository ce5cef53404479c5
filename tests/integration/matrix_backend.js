// SPDX-License-Identifier: Apache-2.0
//
// One backend, four ways to reach it: `node matrix_backend.js CERTIFICATE KEY` prints the ports of
// HTTP/1.1, HTTP/1.1 with TLS, HTTP/2 with TLS and HTTP/2 in clear. What is answered depends on the
// path alone, never on the way.
const fs = require('fs');
const http = require('http');
const http2 = require('http2');
const https = require('https');

const [certificate, key] = process.argv.slice(2);
const pair = {cert: fs.readFileSync(certificate), key: fs.readFileSync(key)};
const roomy = {maxHeaderSize: 64 * 1024};
const held = new Map(); // what waits until the request of that name is gone

const paths = {
  '/get': (request, response) => {
    response.setHeader('x-version', request.httpVersion);
    response.end('got it');
  },
  '/echo': (request, response) => request.pipe(response),
  '/trailers': (request, response) => {
    response.write('content');
    request.resume();
    request.on('end', () => {
      response.addTrailers({'x-back': request.trailers['x-there'] || 'none'});
      response.end();
    });
  },
  '/hints': (request, response) => {
    response.writeEarlyHints({link: '</a.css>; rel=preload; as=style'});
    response.end('hinted');
  },
  // Begins an answer that never ends, and remembers when nobody waits for it any more.
  '/hold': (request, response, name) => {
    held.set(name, new Promise((gone) => response.on('close', gone)));
    response.write('begun');
  },
  '/gone': (request, response, name) => held.get(name).then(() => response.end('gone')),
  '/break': (request, response) => {
    response.write('part', () => setTimeout(() => {
      if (response.stream) response.stream.destroy(new Error('INTERNAL_ERROR'));
      else response.socket.destroy();
    }, 10));
  },
  '/fields': (request, response) => {
    for (const name of ['x-large-0', 'x-large-1', 'x-large-2']) response.setHeader(name, request.headers[name] || '');
    response.end('large');
  },
};

function serve(request, response) {
  const [path, name] = request.url.split('?');
  request.on('error', () => {});
  response.on('error', () => {});
  paths[path](request, response, name);
}

const servers = [
  http.createServer(roomy, serve),
  https.createServer({...pair, ...roomy}, serve),
  http2.createSecureServer({...pair, settings: {maxHeaderListSize: 128 * 1024}}, serve),
  http2.createServer({settings: {maxHeaderListSize: 128 * 1024}}, serve),
];
Promise.all(servers.map((server) => new Promise((ready) => server.listen(0, '127.0.0.1', () => ready(server)))))
    .then((ready) => console.log(ready.map((server) => server.address().port).join(' ')));
