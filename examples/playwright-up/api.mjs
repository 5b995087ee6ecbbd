import { createServer } from 'node:http';

const { PORT } = process.env;
createServer((_, response) => response.end(`the API of ${process.cwd()}`)).listen(PORT, () => console.log(`api on ${PORT}`));
