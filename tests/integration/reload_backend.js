// SPDX-License-Identifier: Apache-2.0
//
// The backend of a proxy that is reloaded: `node reload_backend.js CERTIFICATE KEY` prints the ports
// of HTTP/1.1, HTTP/2 without TLS, and HTTP/2 with TLS. It echoes content and tunnels, sends much,
// and sends a little for as long as the client reads.
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const http2 = require('http2');

const [certificate, key] = process.argv.slice(2);
const piece = Buffer.alloc(64 * 1024, 'd');

function serve(request, response) {
  request.on('error', () => {});
  response.on('error', () => {});
  const [path, size] = request.url.split('?');
  if (path === '/echo') {
    request.pipe(response);
  } else if (path === '/download') {
    const send = (left) => {
      if (left === 0) response.end();
      else if (!response.destroyed) response.write(piece, () => send(left - 1));
    };
    send(Number(size));
  } else {
    request.resume();
    response.end('got ' + request.url);
  }
}

function upgrade(request, socket, early) {
  socket.on('error', () => {});
  const accept = crypto.createHash('sha1')
      .update(request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
               'Sec-WebSocket-Accept: ' + accept + '\r\n\r\n');
  socket.write(early);
  socket.pipe(socket);
}

function withTunnels(server) {
  server.on('request', serve);
  server.on('connect', ({stream}) => {  // an extended CONNECT (RFC 8441)
    stream.on('error', () => {});
    stream.respond({':status': 200});
    stream.pipe(stream);
  });
  return server;
}

const pair = {cert: fs.readFileSync(certificate), key: fs.readFileSync(key)};
const settings = {enableConnectProtocol: true};
const servers = [
  http.createServer({keepAliveTimeout: 60000}, serve).on('upgrade', upgrade),
  withTunnels(http2.createServer({settings})),
  // Upgrades come over HTTP/1.1, everything else over HTTP/2.
  withTunnels(http2.createSecureServer({...pair, settings, allowHTTP1: true})).on('upgrade', upgrade),
];
Promise.all(servers.map((server) => new Promise((done) => server.listen(0, '127.0.0.1', done))))
    .then(() => console.log(servers.map((server) => server.address().port).join(' ')));
