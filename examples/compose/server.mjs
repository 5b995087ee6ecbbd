import { createServer } from 'node:http';

const { PORT, DATABASE_URL, SMTP_PORT } = process.env;
createServer((_, answer) => answer.end(`${DATABASE_URL}, mail on ${SMTP_PORT}`)).listen(PORT, () => console.log(`web on ${PORT}`));
