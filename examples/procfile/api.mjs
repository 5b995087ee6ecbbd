import { createServer } from 'node:http';

const { PORT } = process.env;
createServer((_, answer) => answer.end('[]')).listen(PORT, () => console.log(`api on ${PORT}`));
