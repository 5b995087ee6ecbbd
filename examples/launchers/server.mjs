import { createServer } from 'node:http';

const { PORT } = process.env;
createServer((_, answer) => answer.end('here')).listen(PORT, () => console.log(`on ${PORT}`));
