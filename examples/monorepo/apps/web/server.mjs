import { createServer } from 'node:http';

// `styxy up` tells each service where the others are.
const { PORT, STYXY_API_URL: api = 'nowhere' } = process.env;
createServer((_, answer) => answer.end(`The API is at ${api}`)).listen(PORT, () => console.log(`web on ${PORT}`));
