// A server that says whose it is: of this checkout, or of another.

import http from 'node:http';

const port = Number(process.env.PORT);
const server = http.createServer((_, response) => {
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.end(`<!doctype html><title>Here</title><h1>${process.cwd()}</h1><p>${process.pid}</p>`);
});
server.listen(port, () => console.log(`http://localhost:${port}`));
