import { createServer } from 'node:http';

const { PORT, API_URL } = process.env;
createServer(async (_, response) => {
  const api = await fetch(API_URL);
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.end(`<!doctype html><title>Here</title><h1>${process.cwd()}</h1><p>${await api.text()}</p>`);
}).listen(PORT, () => console.log(`web on ${PORT}`));
