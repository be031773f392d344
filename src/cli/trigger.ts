import { parseArgs } from 'node:util';
import { createClient } from './client.ts';
import { type Command, UsageError } from './command.ts';
import { readJson } from './json-argument.ts';
import { printJson } from './terminal.ts';

export const trigger: Command = {
  name: 'trigger',
  summary: 'start an execution of a definition',
  usage: `
signalbox trigger DEFINITION [--input JSON | @FILE | -] [--id EXECUTION_ID] [--name NAME] [--by WHO] [--url URL] [--json]

  --input        what it is started with: JSON, a file after @, or - for standard input; default: {}
  --id ID        the execution id; a second trigger with it returns the first execution
  --name NAME    what the execution is called in lists
  --by WHO       who starts it; default: terminal

Example: signalbox trigger query --input '{"query":"Which deals close this month?"}' --id monday-report
Without --url the server is SIGNALBOX_URL, else the one that HOST and PORT describe; the key is SIGNALBOX_API_KEY.
`,
  async run(args, context) {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
    const [definition, ...more] = positionals;
    if (definition === undefined) throw new UsageError('The name of the definition is missing.');
    if (more.length > 0) throw new UsageError(`${JSON.stringify(more[0])} is one argument too many.`);
    const { input, id, name, by, url } = values;
    const started = await createClient(context, url).call('POST', '/workflows/trigger', {
      definition_id: definition,
      input_data: await readJson(input, '--input'),
      initiated_by: by,
      ...(name !== undefined && { name }),
      ...(id !== undefined && { execution_id: id }),
    });
    if (values.json) printJson(context, started);
    else context.write(`${started.execution_id}\n`);
    return 0;
  },
};

const options = {
  input: { type: 'string', default: '{}' },
  id: { type: 'string' },
  name: { type: 'string' },
  by: { type: 'string', default: 'terminal' },
  url: { type: 'string' },
  json: { type: 'boolean' },
} as const;
